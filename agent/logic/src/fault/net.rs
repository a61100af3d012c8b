//! Codes of the way to central: link, address, gateway, name, proxy, connection, TLS, rate.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! net_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        NetLink "net.link" [Operator Offline Unsent]
            "network link"
            "At least one network interface beside loopback has to be up and see its other end."
            "Plug in the network cable or join the wireless network.";
        NetNoLink "net.no_link" [Operator Offline Unsent]
            "no network interface has a link"
            "Every interface is down or sees nothing at the other end: a cable is out, a switch has no power, the \
         wireless network is not joined, or the interface is disabled."
            "Plug in the network cable or join the wireless network.";
        NetAddress "net.address" [Operator Offline Unsent]
            "address and route"
            "The box needs an address of its own and a route that leads out."
            "See `ip address` and `ip route`.";
        NetNoAddress "net.no_address" [Operator Offline Unsent]
            "the box has no usable address"
            "The interface has no address, or only one that it gave itself (169.254…): no DHCP server answered."
            "Ask for an address for this box: restart the router or give the box a fixed address.";
        NetNoRoute "net.no_route" [Operator Offline Unsent]
            "no route leads to central"
            "The box has an address, but no gateway to the outside."
            "Set the default gateway of the box, or restart the router.";
        NetDisabled "net.disabled" [Operator Offline Unsent]
            "the network interface is switched off"
            "No interface has a link, and one that could have one was switched off in the settings of this machine, not \
         by a cable: `ip link` shows it without UP."
            "Switch it on: `ip link set dev NAME up` with the name that is told, and see that it stays so after a restart.";
        NetGateway "net.gateway" [Operator Offline Unsent]
            "gateway"
            "What leaves the local network goes through the gateway, mostly the router of the site. If it does not answer \
         on the local network, nothing behind it can: neither the name server nor central is to blame."
            "Restart the router; if the gateway has another address now, correct it in the network settings of the box.";
        NetFiltered "net.filtered" [Operator Offline Unsent]
            "the name server keeps central away"
            "The name server answers, but with an address at which no central can be (this machine itself, none at all, \
         the name server's own): a filter for names blocks central's, as parental controls, security products and \
         some providers do."
            "Ask the network's administrator to allow central's host name in the filter of the name server, or use another \
         name server.";
        NetFamily "net.family" [Operator Offline Unsent]
            "central and the box have no kind of address in common"
            "Central has addresses of one family alone (IPv4 or IPv6), and the box has a way out with the other one alone."
            "Ask the network's administrator for the kind of address that is missing on the box, and the operator of \
         central for a second address if that cannot be.";
        NetLoss "net.loss" [Operator Offline Unknown]
            "loss and delay"
            "Ten connections are opened shortly one after the other. One whose first packets are lost comes about a second \
         later or not at all. Where many are, everything takes long, and answers are cut or come too late."
            "Have the cable, the wireless link or the modem of this site checked: packets are lost on the way.";
        NetMtu "net.mtu" [Operator Offline Unknown]
            "size of packets"
            "Small packets reach central and large ones vanish without a word: the largest size on the way (MTU) is smaller \
         than the box believes, and a firewall swallows the messages (ICMP) that would tell it. Requests and packages \
         come to a standstill."
            "Set the MTU of the box's interface to the size that is told (`ip link set dev NAME mtu N`), and ask the \
         network's administrator to let ICMP through.";
        NetDns "net.dns" [Retry Offline Unsent]
            "name of central"
            "The name of central (or of the proxy) has to be turned into an address. If that fails, the name server is \
         wrong or cannot be reached, or the name in the configuration is mistyped."
            "Check the host name in [central] url and the name server in /etc/resolv.conf.";
        NetConnect "net.connect" [Retry Offline Unsent]
            "connection"
            "A TCP connection to central, or to the proxy, has to be accepted."
            "See that the firewall lets the box through to central's port.";
        NetRefused "net.refused" [Retry Offline Unsent]
            "the connection was refused"
            "The machine at the other end is there, but nothing listens on this port, or it closed the connection at \
         once: central's web server is down, the port in the configuration is wrong, or a firewall refuses."
            "Ask the operator of central whether it is up, and check the port in [central] url.";
        NetUnreachable "net.unreachable" [Retry Offline Unsent]
            "central cannot be reached"
            "No connection came about: no route, or packets vanish on the way. Mostly a firewall of the site."
            "Ask the network's administrator to let the box through to central's host and port.";
        NetProxy "net.proxy" [Operator Offline Unsent]
            "the proxy does not lead to central"
            "The proxy cannot be reached, wants another user or password, or refuses central's host or port."
            "Check proxy and proxy_password_file in [central], and ask for central's host to be allowed in the proxy.";
        NetProxyScheme "net.proxy_scheme" [Operator Offline Unsent]
            "the proxy takes no login that boxsync knows"
            "The proxy lets nobody through without a login, and offers only ways to log in that need a Windows domain \
         (NTLM, Negotiate, Kerberos) or another scheme than Basic."
            "Ask the network's administrator to accept Basic for this box, or to let it through without a login.";
        NetTls "net.tls" [Operator Offline Unsent]
            "TLS and certificate"
            "Central has to speak TLS on the port of an https:// URL, and its certificate has to be signed by a known \
         authority, be valid now and be made for central's host name. What is wrong with a certificate has a code of \
         its own; here the handshake itself failed: http:// and https:// are mixed up, the port is another one, or \
         a firewall closes encrypted connections."
            "Check http:// or https:// and the port in [central] url; if they are right, ask the network's administrator \
         about the firewall.";
        NetTlsExpired "net.tls_expired" [Operator Offline Unsent]
            "central's certificate has expired"
            "Central's certificate was good until the day that is told, by the time of central's own answers and not by \
         the clock of the box. No box can synchronize until it is renewed."
            "Tell the operator of central to renew the certificate.";
        NetTlsNotYet "net.tls_not_yet" [Operator Offline Unsent]
            "central's certificate is not valid yet"
            "Central's certificate begins later than now, by the time of central's own answers: it was put in place too \
         early, or central's clock was wrong when it was made."
            "Tell the operator of central to use a certificate that is valid today.";
        NetTlsHost "net.tls_host" [Operator Offline Unsent]
            "the certificate is for another host"
            "The host name in the configured URL is not among those that central's certificate is made for: the URL \
         holds an address or an alias, or another server answers under central's name."
            "Write the host name that central's certificate is made for into [central] url.";
        NetTlsIssuer "net.tls_issuer" [Operator Offline Unsent]
            "an unknown authority signed central's certificate"
            "Neither the public authorities nor those of [central] ca_file have signed the certificate. Central may have \
         a private authority that the box was not given, or was given before it was renewed; its web server may not \
         show the certificates in between; or a firewall opens the encrypted connection and signs in central's place. \
         Who has signed is told beside it. A certificate that is signed by itself alone is taken if [central] ca_file \
         holds exactly it."
            "If central's authority is a private one, name its current PEM file in [central] ca_file; else ask the \
         network's administrator to let the box through to central unopened.";
        NetTlsClient "net.tls_client" [Operator Offline Unsent]
            "central demands a certificate of the box"
            "The server asks whoever connects for a certificate of his own (mutual TLS). TAO's synchronisation knows none: a \
         web server or a firewall in front of central was set up so."
            "Ask the operator of central to let boxes in without a client certificate at this URL.";
        NetTlsCertificate "net.tls_certificate" [Operator Offline Unsent]
            "central's certificate cannot be used"
            "The certificate itself is at fault, not who signed it, when or for whom: it is written wrongly, made for another \
         purpose, signed in a way that is no longer safe, or revoked. What is wrong is told beside it."
            "Tell the operator of central to have its certificate made anew, and what is wrong with this one.";
        NetTlsOld "net.tls_old" [Operator Offline Unsent]
            "central's TLS is too old"
            "Central, or a firewall that opens the encrypted connection, offers only versions or ciphers of TLS that are no \
         longer safe."
            "Ask the operator of central to switch TLS 1.2 or 1.3 on.";
        NetTlsExpiring "net.tls_expiring" [Operator Failed Unsent]
            "central's certificate ends soon"
            "In less than three weeks central's certificate ends; then no box can synchronize."
            "Tell the operator of central to renew the certificate.";
        NetToken "net.token" [Retry Offline Unsent]
            "no token could be fetched"
            "The connection failed while the box asked for its token; what failed is told beside it."
            "Run the synchronization again; if it stays, look at the network.";
        NetReset "net.reset" [Retry Offline Unknown]
            "the connection was closed without an answer"
            "The other side, or a firewall between, closed the connection before it answered."
            "Run the synchronization again; if it stays, ask the network's administrator about the firewall.";
        NetTimeout "net.timeout" [Retry Offline Unknown]
            "central did not answer in time"
            "The request was sent and nothing came back within the limit. Central is overloaded, or the way back is cut."
            "Try again later; if it stays, ask the operator of central.";
        NetCut "net.cut" [Retry Offline Unknown]
            "the connection broke within an answer"
            "What had come is kept, and the next attempt goes on from there."
            "Run the synchronization again; if it stays, have the cable or the wireless link checked.";
        NetStalled "net.stalled" [Retry Offline Unknown]
            "the answer came to a standstill"
            "The connection is open, but almost nothing came for half a minute. What had come is kept."
            "Run the synchronization again; if it stays, have the cable or the wireless link checked.";
        LinkSpeed "link.speed" [Operator Failed Unknown]
            "rate of the link"
            "The rate that past synchronizations met is compared with expected_download and expected_upload of [link]."
            "See `boxsync stats` for the hours at which the link is good.";
        LinkSlow "link.slow" [Operator Failed Unknown]
            "the link is slower than expected"
            "Past synchronizations met a lower rate than [link] expects. Packages take longer; nothing is broken."
            "See `boxsync stats` for the hours at which the link is good, and synchronize then.";
    } };
}
