//! Codes of what candidates did: what is let in, and what becomes of it on its way to central.
//! Never a rule: only words.
//! Called by `catalogue`.

use super::{Code, code};

pub(super) const CODES: &[Code] = &[
    code(
        "intake.malformed",
        "what was submitted cannot be stored by central",
        "A result, log row or session has not the shape that central's own route takes. One wrongly typed variable \
         would cost a whole request on central, so it is refused on the box; the place is told as a path.",
        "Correct the field that is named and submit again.",
    ),
    code(
        "intake.failed",
        "an item could not be taken in",
        "The process that takes in large items ended early; nothing of the item was kept, and its sender was told so.",
        "Submit it again; if it fails again, look at disk and memory.",
    ),
    code(
        "intake.too_long",
        "a submitted item is too large",
        "One item takes more bytes than `max_item` in section [results] allows; nothing of it was kept.",
        "Raise `max_item` in section [results] of boxsync.toml and submit it again.",
    ),
    code(
        "intake.long_text",
        "a text may be too long for central",
        "The text was let in, but the column of central's storage is shorter.",
        "Nothing to do unless central refuses it.",
    ),
    code(
        "intake.call_id",
        "a call id has an unusual form",
        "Central expects `<execution id>.<item>.<occurrence>`, or the execution id for the test itself. It was let in \
         as it is.",
        "Nothing to do unless central refuses it.",
    ),
    code(
        "intake.unknown_entity",
        "the box does not hold what a result names",
        "A result names a test taker or a delivery that is not in the catalogue of the box. It was let in.",
        "See `boxsync entities` for what the box holds.",
    ),
    code(
        "intake.unknown_key",
        "a submitted field is not known",
        "Central does not read this field; it was left out of what is sent.",
        "Nothing to do.",
    ),
    code(
        "intake.repeated_row",
        "an identical log row stands above",
        "Central would store an identical row twice; it was left out.",
        "Nothing to do.",
    ),
    code(
        "input.export",
        "nothing was exported",
        "An export writes what a candidate did in clear. It is asked for on a terminal, and there was none or the \
         answer was no.",
        "Give `--yes` if it is meant.",
    ),
    code(
        "input.order",
        "options do not go together",
        "Two options or arguments of the command exclude each other.",
        "See the help of the command.",
    ),
    code(
        "central.sick",
        "central stores nothing any more",
        "Many entries in a row failed on central, one by one, so that not the entries are the cause. Everything \
         stays queued.",
        "Tell the operator of central that it stores nothing, with the time and this code.",
    ),
    code(
        "central.probe_stored",
        "central stored a probe",
        "To learn the fate of a result the box asks with a log row that a central leaves alone. This central stored \
         it; it is not asked in this way again.",
        "Tell the operator of central that one log row BOXSYNC_PROBE may be deleted.",
    ),
    code(
        "results.copied",
        "the box is a copy",
        "The results on this disk belong to another box, which sends them itself; they are kept here and not sent.",
        "If the other box is gone, run `boxsync results retry`.",
    ),
    code(
        "results.not_stored",
        "central did not store a result",
        "Central answered that its storage did not take the result, and it does not hold it. That is central's trouble: \
         the result stays queued and is tried again by itself, after a wait that doubles from a minute to a day.",
        "Tell the operator of central that its storage fails, with the time and this code.",
    ),
    code(
        "results.rejected",
        "central breaks on a result",
        "Central dies of this result without a word when it is sent alone. If that happens twice, `refuse_after` in \
         section [results] apart, each time between two others that it took, the result counts as refused: some of its \
         variables cannot be stored there.",
        "Export it with `boxsync results export ID FILE` and send it to your support.",
    ),
    code(
        "results.too_long",
        "a result is too large for central",
        "Central's web server takes no request of this size, and the result cannot be split further. It stays queued \
         and is tried again by itself, after a wait that doubles from a minute to a day.",
        "Ask the operator of central to raise the limit of request bodies (client_max_body_size of nginx).",
    ),
    code(
        "results.unanswered",
        "central did not answer for a result",
        "Central's answer does not name the result, and it does not hold it. It is tried again by itself.",
        "Tell the operator of central the time and this code.",
    ),
    code(
        "results.doubt",
        "it is not settled yet whether central has some results",
        "The answer of central to these was lost. Central is asked about them first by the next synchronization; they \
         are sent again only when it surely does not have them.",
        "Nothing to do; if it stays, tell the operator of central that answers get lost.",
    ),
    code(
        "lti_users.unsupported",
        "central does not take LTI users",
        "This central has no extension that takes LTI users; they stay queued and are offered again now and then.",
        "Set `lti_users` in section [results] to false, or ask the operator of central for the extension.",
    ),
    code(
        "results.unreadable",
        "a kept result cannot be read",
        "The file of a result does not open: its bytes changed on disk. It is kept.",
        "Send a support bundle (`boxsync doctor --bundle FILE`) before the disk is replaced.",
    ),
    code(
        "results.quarantined",
        "a file of the spool was set aside",
        "A file of the spool does not open: its bytes changed on disk. It lies in the folder `quarantine` now. What it held may still be with whoever handed it over.",
        "Keep the folder /var/lib/boxsync/quarantine for your support, then remove it and replace the disk.",
    ),
    code(
        "results.unknown",
        "the box does not hold this result",
        "There is no item with this id in the spool.",
        "See `boxsync results` for what there is.",
    ),
    code(
        "result.refused",
        "central does not accept a result",
        "Central broke on this result while it took others. It is kept on the box.",
        "Export it with `boxsync results export ID FILE` and send it to your support.",
    ),
    code(
        "result.unconfirmed",
        "it is not known whether central has a result",
        "The answer of central was lost. Sending the result blindly could double it, so it is kept.",
        "Ask the operator of central whether it has it; if not, run `boxsync results retry ID`.",
    ),
    code(
        "logs.queued",
        "some log rows are left to a later run",
        "Not all rows of an execution could be sent in this run; the others follow.",
        "Nothing to do; the next synchronization goes on.",
    ),
    code(
        "logs.no_receipt",
        "central took log rows without saying which",
        "Whether central holds these rows cannot be known; they are not sent again by themselves.",
        "Ask the operator of central; if they are missing, run `boxsync results retry ID`.",
    ),
    code(
        "logs.not_stored",
        "central does not store a log row",
        "Central answered that its storage did not take the row. It is tried again by itself.",
        "Tell the operator of central that its storage fails, with the time and this code.",
    ),
    code(
        "logs.rejected",
        "central breaks on a log row",
        "Central dies of this row without a word when it is sent alone. If that happens twice, far enough apart, each \
         time while it is well, the row counts as refused.",
        "Export it with `boxsync results export ID FILE` and send it to your support.",
    ),
    code(
        "logs.too_long",
        "a log row is too large for central",
        "Central's web server takes no request of this size. It is tried again by itself.",
        "Ask the operator of central to raise the limit of request bodies (client_max_body_size of nginx).",
    ),
    code(
        "logs.unmapped",
        "log rows wait for their result",
        "Central stores rows only once it knows the result of their execution.",
        "Nothing to do; they go as soon as the result is home.",
    ),
    code(
        "logs.unreadable",
        "kept log rows cannot be read",
        "The file of the rows does not open: its bytes changed on disk. It is kept.",
        "Send a support bundle (`boxsync doctor --bundle FILE`) before the disk is replaced.",
    ),
    code(
        "sessions.failed",
        "central cannot complete a test session",
        "Central does not know the execution, cannot open its test, or its storage failed. It is tried again by itself.",
        "Tell the operator of central which execution is named in `boxsync results`.",
    ),
    code(
        "sessions.rejected",
        "central breaks on a test session",
        "Central dies of this session without a word while it takes others.",
        "Tell the operator of central which execution is named in `boxsync results`.",
    ),
];
