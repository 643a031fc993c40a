//! Where a suggestion service is.

/// The address of a suggestion service as it is written everywhere: `http://HOST:PORT`.
///
/// # Errors
/// What is wrong with it, and what would be right. Nothing is asked for, neither the name nor the service.
pub fn service_url(text: &str) -> Result<String, String> {
    let usage =
        |what: String| format!("{what}; expected http://HOST:PORT, such as http://127.0.0.1:6789");
    let place = text.strip_prefix("http://").ok_or_else(|| {
        usage(match text.split_once("://") {
            Some((scheme, _)) => format!("{scheme}:// is not spoken to services"),
            None => format!("{text:?} is no URL"),
        })
    })?;
    let place = place.strip_suffix('/').unwrap_or(place);
    let (host, port) = place
        .rsplit_once(':')
        .filter(|(host, _)| !host.starts_with('[') || host.ends_with(']'))
        .ok_or_else(|| usage(format!("{text:?} has no port")))?;
    if port.bytes().any(|byte| !byte.is_ascii_digit()) || !matches!(port.parse(), Ok(1..=u16::MAX))
    {
        return Err(usage(format!("port {port:?} is not within 1 to 65535")));
    }
    if !is_host(host) {
        return Err(usage(format!("{host:?} is no host")));
    }
    Ok(format!("http://{place}"))
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[') {
        Some(address) => address
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok()),
        None => {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            !host.is_empty() && host.bytes().all(known)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in [
            "http://127.0.0.1:6789",
            "http://[::1]:1",
            "http://suggestion-x.kubeflow:65535",
        ] {
            assert_eq!(service_url(text).as_deref(), Ok(text));
            assert_eq!(service_url(&format!("{text}/")).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_none_is_told_with_what_would_be_right() {
        for (text, what) in [
            ("127.0.0.1:6789", "\"127.0.0.1:6789\" is no URL"),
            ("x", "\"x\" is no URL"),
            ("https://x:1", "https:// is not spoken to services"),
            ("http://x", "\"http://x\" has no port"),
            ("http://[::1]", "\"http://[::1]\" has no port"),
            ("http://x:99999", "port \"99999\" is not within 1 to 65535"),
            ("http://x:0", "port \"0\" is not within 1 to 65535"),
            ("http://x:+1", "port \"+1\" is not within 1 to 65535"),
            ("http://x:", "port \"\" is not within 1 to 65535"),
            ("http://x:1/y", "port \"1/y\" is not within 1 to 65535"),
            ("http://:1", "\"\" is no host"),
            ("http://a b:1", "\"a b\" is no host"),
            ("http://a@b:1", "\"a@b\" is no host"),
            ("http://::1:1", "\"::1\" is no host"),
        ] {
            let expected =
                format!("{what}; expected http://HOST:PORT, such as http://127.0.0.1:6789");
            assert_eq!(service_url(text), Err(expected));
        }
    }
}
