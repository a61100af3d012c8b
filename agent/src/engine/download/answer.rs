//! One request for a package or a part of it: asked, its head read, its content handed over piece by piece.
//! Never takes an answer for a package or a part that is neither: it fails as what it is.
//! Called by `download`.

use bytes::Bytes;
use logic::api::Call;
use logic::download::{PackageHead, PackageRequest, first_bytes, refused};
use logic::fault::Fault;
use logic::range::{ContentRange, content_length, strong_tag};

use uplink::{StreamedAnswer, Uplink};

/// An answer whose content is still to come.
pub(super) struct PendingAnswer {
    opened: StreamedAnswer,
    /// The first piece, which the head was told with.
    front: Option<Bytes>,
}

impl PendingAnswer {
    /// Asks; gives the answer with its head and the look of its first piece.
    pub(super) async fn to(
        uplink: &Uplink,
        request: PackageRequest,
    ) -> Result<(Self, PackageHead), Fault> {
        let is_part = request.range.is_some();
        let mut call = Call::package(&request.delivery, request.range);
        if let Some(nonce) = request.nonce {
            call = call.past_caches(nonce);
        }
        let mut opened = uplink.open(&call.if_tag(request.tag.as_deref())).await?;
        let is_content = matches!(opened.status, 200 | 203 | 206);
        if !is_content && (!is_part || opened.status != 416) {
            return Err(refused(&opened.reply().await?));
        }
        let front = opened.chunk().await?;
        let field = opened.header("content-range");
        let range = field.and_then(ContentRange::parse);
        // What goes on beyond the part that it says is not looked at.
        let most = range.map_or(usize::MAX, |range| range.len() as usize);
        let shown = front.as_deref().unwrap_or_default();
        let first = first_bytes(&shown[..shown.len().min(most)]);
        let head = PackageHead {
            status: opened.status,
            range,
            refused_of: field
                .and_then(ContentRange::unsatisfied)
                .filter(|_| opened.status == 416),
            length: opened.header("content-length").and_then(content_length),
            tag: opened
                .header("etag")
                .and_then(strong_tag)
                .map(str::to_owned),
            first,
        };
        Ok((Self { opened, front }, head))
    }

    /// The next piece of content; `None` after the last one.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Fault> {
        match self.front.take() {
            Some(front) => Ok(Some(front)),
            None => self.opened.chunk().await,
        }
    }
}
