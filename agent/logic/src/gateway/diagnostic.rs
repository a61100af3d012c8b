//! The readiness routes that a client's speed check uses: upload and bandwidth files (protocol 10).
//! Never keeps what is uploaded, and never needs the files: their bytes are made in the stream.
//! Called by the gateway.

use serde_json::json;

use super::GatewayAnswer;
use super::query::QueryParams;

/// The validator of a bandwidth file: it never changes.
pub const CHANGED: &str = "Thu, 29 Sep 2022 11:53:32 GMT";

/// Bytes of a bandwidth file by its name.
pub(super) fn size(name: &str) -> Option<u64> {
    match name {
        "bin10KB.data" => Some(10 << 10),
        "bin100KB.data" => Some(100 << 10),
        "bin1MB.data" => Some(1 << 20),
        _ => None,
    }
}

/// The entity tag of a bandwidth file.
pub fn tag(size: u64) -> String {
    format!("\"6335873c-{size:x}\"")
}

/// Whether `If-None-Match` names the file.
pub fn unchanged(if_none_match: Option<&str>, size: u64) -> bool {
    let tag = tag(size);
    let same = |candidate: &str| {
        let candidate = candidate.trim();
        candidate == "*" || candidate.strip_prefix("W/").unwrap_or(candidate) == tag
    };
    if_none_match.is_some_and(|value| value.split(',').any(same))
}

pub(super) fn only_post() -> GatewayAnswer {
    refused("Only post method is accepted.")
}

fn refused(error: &str) -> GatewayAnswer {
    GatewayAnswer::json(format!(
        r#"{{"success":false,"error":{}}}"#,
        serde_json::Value::from(error)
    ))
}

/// Counts the bytes of the field `upload`, urlencoded or multipart; PHP parses no other content (protocol 10.1).
pub fn upload(content_type: Option<&str>, body: &[u8]) -> GatewayAnswer {
    let kind = content_type.unwrap_or_default();
    let (media, _) = kind.split_once(';').unwrap_or((kind, ""));
    let size = match media.trim().to_ascii_lowercase().as_str() {
        "application/x-www-form-urlencoded" => QueryParams::read(body).text("upload").map(str::len),
        "multipart/form-data" => multipart(kind, body),
        _ => None,
    };
    match size {
        Some(size) => GatewayAnswer::json(json!({ "success": true, "size": size }).to_string()),
        None => refused("'upload' POST variable is missed."),
    }
}

fn multipart(kind: &str, body: &[u8]) -> Option<usize> {
    let (_, boundary) = kind.split_once("boundary=")?;
    let boundary = boundary.split(';').next()?.trim().trim_matches('"');
    let mark = format!("--{boundary}").into_bytes();
    let mut rest = &body[find(body, &mark)? + mark.len()..];
    loop {
        let end = find(rest, &mark)?;
        let part = rest[..end].strip_suffix(b"\r\n").unwrap_or(&rest[..end]);
        if let Some(head) = find(part, b"\r\n\r\n") {
            let fields = String::from_utf8_lossy(&part[..head]).to_ascii_lowercase();
            if fields.contains("name=\"upload\"") && !fields.contains("filename=") {
                return Some(part.len() - head - 4);
            }
        }
        rest = &rest[end + mark.len()..];
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_field_counts() {
        let form = "application/x-www-form-urlencoded";
        let body = |answer: GatewayAnswer| String::from_utf8(answer.body).unwrap();
        assert_eq!(
            body(upload(Some(form), b"upload=a%61a")),
            r#"{"size":3,"success":true}"#
        );
        let part =
            b"--bb\r\nContent-Disposition: form-data; name=\"upload\"\r\n\r\nabcd\r\n--bb--\r\n";
        assert_eq!(
            body(upload(Some("multipart/form-data; boundary=bb"), part)),
            r#"{"size":4,"success":true}"#
        );
        for (kind, content) in [
            (Some(form), &b"x=1"[..]),
            (Some(form), b"upload[]=1"),
            (Some("application/json"), b"upload=aaa"),
            (Some("multipart/form-data"), b"upload=aaa"),
            (Some("multipart/form-data; boundary=bb"), b"--bb\r\n"),
            (None, b""),
        ] {
            assert!(body(upload(kind, content)).contains("is missed"));
        }
    }

    #[test]
    fn a_file_is_known_by_its_tag() {
        let size = size("bin1MB.data").unwrap();
        assert!(unchanged(Some("\"6335873c-100000\""), size));
        assert!(unchanged(Some("\"x\", W/\"6335873c-100000\""), size));
        assert!(!unchanged(Some("\"6335873c-2800\""), size) && !unchanged(None, size));
    }
}
