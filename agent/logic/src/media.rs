//! What a member of a package is, by the end of its name (IANA media types).
//! Never looks at the content, and never guesses: what is not known here is bytes.
//! Called by the routes of the local API that give members.

/// Ends of names, in lower case, with their types.
const KNOWN: [(&str, &str); 26] = [
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/vnd.microsoft.icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("m4a", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
];

/// The media type of a file of this name.
pub fn of(name: &str) -> &'static str {
    let file = name.rsplit('/').next().unwrap_or_default();
    let end = file.rsplit_once('.').map(|(_, end)| end.to_lowercase());
    let known = |end: String| KNOWN.iter().find(|(known, _)| *known == end);
    let found = end.and_then(known);
    found.map_or("application/octet-stream", |(_, media)| media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_the_name_tells_and_nothing_else() {
        let table = [
            ("i12/qti.xml", "application/xml"),
            ("a.b/LOGO.PNG", "image/png"),
            ("sound.tar.mp3", "audio/mpeg"),
            ("html", "application/octet-stream"),
            ("x.html/none", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("no.such", "application/octet-stream"),
        ];
        for (name, media) in table {
            assert_eq!(of(name), media, "{name}");
        }
    }
}
