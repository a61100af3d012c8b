//! What a URL and a proxy may be, and that nothing is lost between text and parts.
//! Never connects.
//! Called by `cargo test`.

use super::*;
use proptest::prelude::*;

fn parts(https: bool, host: &str, port: u16, path: &str) -> Url {
    Url {
        https,
        host: host.into(),
        port,
        path: path.into(),
    }
}

#[test]
fn a_root_always_ends_with_a_slash() {
    for (text, https, host, port, path) in [
        ("https://central.example", true, "central.example", 443, "/"),
        (
            "https://central.example/",
            true,
            "central.example",
            443,
            "/",
        ),
        (
            "HTTP://Central.Example:8080/tao",
            false,
            "central.example",
            8080,
            "/tao/",
        ),
        (
            " https://10.0.0.1/a/b%20c// ",
            true,
            "10.0.0.1",
            443,
            "/a/b%20c/",
        ),
        (
            "http://[2001:DB8:0::1]:81/x",
            false,
            "2001:db8::1",
            81,
            "/x/",
        ),
        ("http://[::1]", false, "::1", 80, "/"),
        ("http://localhost.", false, "localhost.", 80, "/"),
    ] {
        assert_eq!(
            Url::root(text),
            Ok(parts(https, host, port, path)),
            "{text}"
        );
    }
}

#[test]
fn a_token_url_is_kept_as_it_is() {
    let text = "https://central.example/taoOauth/TokenApi/requestToken";
    let url = Url::parse(text).unwrap();
    assert_eq!(url.path, "/taoOauth/TokenApi/requestToken");
    assert_eq!(url.to_string(), text);
}

#[test]
fn a_join_never_doubles_or_loses_the_slash() {
    let root = Url::root("https://h:8443/tao").unwrap();
    for relative in [
        "taoSync/api/x?a=/b",
        "/taoSync/api/x?a=/b",
        "//taoSync/api/x?a=/b",
    ] {
        assert_eq!(root.join(relative), "https://h:8443/tao/taoSync/api/x?a=/b");
        assert_eq!(root.target(relative), "/tao/taoSync/api/x?a=/b");
    }
    let plain = Url::root("http://[::1]:80").unwrap();
    assert_eq!(plain.join("/x"), "http://[::1]/x");
    assert_eq!(plain.authority(), "[::1]");
    assert_eq!(plain.endpoint(), "[::1]:80");
}

#[test]
fn what_is_not_a_server_is_refused_with_the_reason() {
    for (text, part) in [
        ("", "https://"),
        ("central.example", "https://"),
        ("ftp://central.example/", "https://"),
        ("https:///tao", "host name"),
        ("https://:443/", "host name"),
        ("https://h/?x=1", "\"?\""),
        ("https://h/#top", "\"#\""),
        ("https://h?x=1", "\"?\""),
        ("https://user@h/", "user name"),
        ("https://user:pw@h/", "user name"),
        ("https://h:0/", "port"),
        ("https://h:65536/", "port"),
        ("https://h:/", "port"),
        ("https://h:+80/", "port"),
        ("https://::1/", "host name"),
        ("https://h:1:2/", "port"),
        ("https://[::1/", "\"]\""),
        ("https://[::g]/", "IPv6"),
        ("https://[fe80::1%eth0]/", "IPv6"),
        ("https://[::1]x/", "port"),
        ("https://1.2.3.400/", "IPv4"),
        ("https://10.1/", "IPv4"),
        ("https://a..b/", "host name"),
        ("https://a b/", "host name"),
        ("https://bücher.example/", "ASCII"),
        ("https://h/a b", "path"),
        ("https://h/a\\b", "path"),
        ("https://h/é", "path"),
        ("https://h/%2", "path"),
        ("https://h//a", "\"//\""),
        ("https://h/../a", "\"..\""),
    ] {
        let reason = Url::root(text).expect_err(text);
        assert!(reason.to_string().contains(part), "{text}: {reason}");
    }
}

#[test]
fn a_proxy_has_a_user_at_most() {
    let proxy = Proxy::parse("http://DOM%5Cjane@proxy:3128").unwrap();
    assert_eq!(proxy.user.as_deref(), Some("DOM\\jane"));
    assert_eq!(proxy.url, parts(false, "proxy", 3128, "/"));
    assert_eq!(proxy.to_string(), "http://DOM%5Cjane@proxy:3128");
    let plain = Proxy::parse("https://[::1]/").unwrap();
    assert_eq!(plain.user, None);
    assert_eq!(plain.to_string(), "https://[::1]:443");
    for (text, told) in [
        ("proxy:3128", "http://proxy:3128"),
        (
            " jane@proxy.example:8080/ ",
            "http://jane@proxy.example:8080",
        ),
        ("10.0.0.1:3128", "http://10.0.0.1:3128"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("proxy", "http://proxy:80"),
    ] {
        assert_eq!(Proxy::parse(text).map(|p| p.to_string()), Ok(told.into()));
    }
}

#[test]
fn a_proxy_with_a_password_is_refused_without_repeating_it() {
    for text in [
        "http://jane:hunter2@proxy:3128",
        "http://jane:hunt@er2@proxy:3128/",
        "http://:hunter2@proxy",
    ] {
        let reason = Proxy::parse(text).unwrap_err().to_string();
        assert!(reason.contains("proxy_password_file"), "{reason}");
        assert!(!reason.contains("hunt"), "{reason}");
    }
    for (text, part) in [
        ("jane:hunter2@proxy:3128", "proxy_password_file"),
        ("proxy:31x8", "port"),
        ("http://proxy/path", "without a path"),
        ("http://@proxy", "user name"),
        ("http://a%3Ab@proxy", "colon"),
        ("http://a%0Ab@proxy", "control"),
        ("http://%ff@proxy", "UTF-8"),
        ("http://proxy/?x", "\"?\""),
        ("socks5://proxy", "https://"),
    ] {
        let reason = Proxy::parse(text).expect_err(text);
        assert!(reason.to_string().contains(part), "{text}: {reason}");
    }
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9_-]{0,20}(\\.[a-z][a-z0-9-]{0,10}){0,3}",
        any::<[u8; 4]>().prop_map(|a| Ipv4Addr::from(a).to_string()),
        any::<[u8; 16]>().prop_map(|a| Ipv6Addr::from(a).to_string()),
    ]
}

prop_compose! {
    fn url()(https: bool, host in host(), port in 1u16.., path in "(/[a-zA-Z0-9~_@:-]{1,8}){0,4}/?") -> Url {
        let path = if path.is_empty() { "/".to_owned() } else { path };
        Url { https, host, port, path }
    }
}

proptest! {
    #[test]
    fn printing_loses_nothing(url in url()) {
        prop_assert_eq!(Url::parse(&url.to_string()), Ok(url));
    }

    #[test]
    fn a_proxy_comes_back_too(url in url(), user in proptest::option::of("[^:\\pC]{1,12}")) {
        let url = Url { path: "/".into(), ..url };
        let proxy = Proxy { url, user };
        prop_assert_eq!(Proxy::parse(&proxy.to_string()), Ok(proxy));
    }

    #[test]
    fn a_joined_path_has_no_doubled_slash(url in url(), relative in "/{0,3}[a-z]{1,5}(/[a-z]{1,5}){0,3}") {
        let target = url.target(&relative);
        prop_assert!(!target.contains("//") && target.starts_with('/'));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(https?://)?[\\[\\]:@/?#.%a-z0-9é-]{0,20}") {
        if let Ok(url) = Url::root(&text) {
            prop_assert_eq!(Url::root(&url.to_string()), Ok(url));
        }
        let _ = Proxy::parse(&text);
    }
}
