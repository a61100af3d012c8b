//! Codes of central: what it answers, credentials, role, version.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! central_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        CentralAnswer "central.answer" [Operator Failed Unknown]
            "central's answer"
            "What answers under the configured URL has to be a TAO central server and not a web page of somebody else."
            "Open [central] url in a browser on this network and look at what comes.";
        CentralForeign "central.foreign" [GiveUp Failed Unknown]
            "something else than central answers"
            "A web page, a redirection or something that is not HTTP came instead of central's data. Mostly it is the \
         login page of a guest network (captive portal), a block page of a proxy, or a wrong URL."
            "Open [central] url in a browser on this network: log in where the network asks for it, or correct the URL.";
        CentralMaintenance "central.maintenance" [GiveUp Failed Unsent => CentralMaintenance]
            "central is in maintenance"
            "Central answers its maintenance page. The box keeps everything and tries again by itself."
            "Wait for the end of the maintenance; the operator of central knows when.";
        CentralPhp "central.php" [GiveUp Failed Unknown]
            "central's PHP writes messages into its answers"
            "A warning or notice of PHP stands before or behind the data, because display_errors is on there. Such an answer \
         is not used: what the message means for the data only central's operator can tell."
            "Ask the operator of central to set display_errors to off in php.ini and to look into PHP's error log.";
        CentralContradicts "central.contradicts" [Operator Failed Unknown => CentralContradicts]
            "central contradicts itself"
            "Within hours central takes back what it said of the same entities: named, gone and named again, or edited \
         back and forth. Mostly one of several servers behind central's address has an old copy of its data. While it \
         lasts the box hides nothing of that and edits nothing back."
            "Ask the operator of central whether all its servers have the same data; if central is right, run `boxsync \
         sync --allow-deletes`.";
        CentralUnavailable "central.unavailable" [Retry Failed Unsent]
            "central is not available"
            "Central, or the web server before it, says that it cannot serve now (429, 502, 503, 504). The box tries \
         again by itself, as late as central wishes."
            "Wait; if it lasts, tell the operator of central.";
        CentralError "central.error" [Retry Failed Unsent]
            "central failed"
            "Central answered with an error of its own (5xx). The box tries again by itself."
            "Tell the operator of central the time and this code.";
        CentralRejected "central.rejected" [GiveUp Failed Sent]
            "central failed on the content of a request"
            "Central broke on what it was sent and says nothing about why (500 without a body). Mostly one odd entry is \
         the cause; the others were sent apart from it."
            "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.";
        CentralRefused "central.refused" [GiveUp Failed Sent]
            "central refused the request"
            "Central understood the request and refused it; its words are told beside it."
            "Tell the operator of central what it said.";
        CentralNotFound "central.not_found" [GiveUp Failed Sent]
            "central does not have it"
            "Central answered 404: the URL has a wrong path, the extension taoSync is not installed there, or the thing \
         asked for is gone."
            "Check the path of [central] url.";
        CentralTooLong "central.too_long" [GiveUp Failed Sent]
            "central takes no request of this size"
            "Central's web server refuses requests of this size (413). boxsync already sends the smallest it can."
            "Ask the operator of central to raise the limit of request bodies.";
        CentralTooLarge "central.too_large" [GiveUp Failed Unknown]
            "an answer is too long to be taken"
            "Central's answer is longer than any answer of its kind; it was not read to its end, to protect the box."
            "Tell the operator of central this code.";
        CentralCompressed "central.compressed" [GiveUp Failed Unknown]
            "something compresses on the way"
            "An answer came compressed although the box had asked for it as it is: a proxy or the web server changes \
         answers. Packages cannot be resumed like that."
            "Ask the operator of central or of the proxy to leave getDeliveryTest uncompressed.";
        CentralGarbled "central.garbled" [GiveUp Failed Unknown]
            "an answer came damaged"
            "A compressed answer could not be unpacked. The line or a proxy damaged it; nothing of it was used."
            "Run the synchronization again; if it stays, look for a proxy on the way.";
        CentralToken "central.token" [GiveUp Failed Unsent]
            "central's answer to the request for a token cannot be used"
            "The box asked for a token, and what came was not one, nor a refusal of the credentials: a web page, a \
         redirection, words of PHP. What came is told beside it."
            "Open [central] url in a browser on this network: log in where the network asks for it, or correct the URL.";
        AuthToken "auth.token" [Operator Unauthorized Unsent]
            "credentials"
            "The box trades its OAuth client id and secret for a token; central has to know them."
            "Enroll the box with `boxsync enroll`.";
        AuthNotEnrolled "auth.not_enrolled" [Operator Unauthorized Unsent => AuthRefused]
            "the box is not enrolled"
            "The box has no credentials for central. A sync manager's login is traded for them once, or credentials \
         made on central are imported."
            "Run `boxsync enroll --login L --password-file F`.";
        AuthRefused "auth.refused" [Operator Unauthorized Unsent => AuthRefused]
            "central refuses the credentials"
            "Central does not know the OAuth client of this box any more, or its secret was changed. What the box holds \
         stays usable; results wait."
            "Enroll the box again: `boxsync enroll --login L --password-file F`.";
        AuthUntried "auth.untried" [Operator Unauthorized Unsent]
            "new credentials could not be tried"
            "Central could not be asked whether it takes the new credentials, and the box has others. Those stay in force: \
         a mistyped secret would keep the box from central."
            "Try again when central can be reached, or insist with `boxsync credentials import --untried`.";
        AuthOtherOrganisation "auth.other_organisation" [Operator Unauthorized Unsent]
            "the credentials are for another organisation"
            "The box belongs to one organisation, by its credentials, its configuration or the catalogue that it holds, and \
         the new credentials are for another. Nothing was replaced."
            "Enroll with the sync manager of the box's organisation; to move the box, send what it owes, then `boxsync wipe`.";
        AuthShared "auth.shared" [Operator Unauthorized Unsent => AuthRefused]
            "another box uses the same credentials"
            "Central keeps one token per client: each new token ends the one before. Tokens of this box end early, so a \
         second machine asks for tokens with the same client, mostly a cloned disk."
            "Enroll each box for itself: `boxsync enroll --login L --password-file F` on this one.";
        AuthPassword "auth.password" [Operator Unauthorized Unsent => AuthRefused]
            "login or password is wrong"
            "Central refused the login or the password of the sync manager."
            "Check login and password by logging in to central in a browser.";
        AuthNotSyncManager "auth.not_sync_manager" [Operator Unauthorized Unsent]
            "the login is no synchronisation manager"
            "Central knows the user, but it lacks the role of a synchronisation manager."
            "Ask the operator of central to give the user the role taoSyncManager.";
        AuthRole "auth.role" [Operator Unauthorized Unsent => AuthRefused]
            "role on central"
            "The user behind the credentials needs the role of a synchronisation manager (taoSyncManager) on central; \
         without it central answers 403."
            "Ask the operator of central to give the client's user the role taoSyncManager.";
        VersionSupported "version.supported" [Operator Failed Unknown]
            "VM version"
            "Central lists the VM versions that it synchronizes with; the version of the box has to be among them."
            "See the version of the box with `boxsync identity`.";
        VersionUnsupported "version.unsupported" [Operator Unsupported Unknown => VersionUnsupported]
            "central does not support the VM version"
            "The VM version of the box is not in central's list. Nothing is exchanged until it is; what the box holds \
         stays usable."
            "Install a box image whose version central supports, or ask the operator of central to add this one.";
    } };
}
