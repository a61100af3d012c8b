//! Codes of central: what it answers, credentials, role, version.
//! Never a rule: only words.
//! Called by `catalogue`.

use super::{Code, code};

pub(super) const CODES: &[Code] = &[
    code(
        "central.answer",
        "central's answer",
        "What answers under the configured URL has to be a TAO central server and not a web page of somebody else.",
        "Open [central] url in a browser on this network and look at what comes.",
    ),
    code(
        "central.foreign",
        "something else than central answers",
        "A web page, a redirection or something that is not HTTP came instead of central's data. Mostly it is the \
         login page of a guest network (captive portal), a block page of a proxy, or a wrong URL.",
        "Open [central] url in a browser on this network: log in where the network asks for it, or correct the URL.",
    ),
    code(
        "central.maintenance",
        "central is in maintenance",
        "Central answers its maintenance page. The box keeps everything and tries again by itself.",
        "Wait for the end of the maintenance; the operator of central knows when.",
    ),
    code(
        "central.contradicts",
        "central contradicts itself",
        "Within hours central takes back what it said of the same entities: named, gone and named again, or edited \
         back and forth. Mostly one of several servers behind central's address has an old copy of its data. While it \
         lasts the box hides nothing of that and edits nothing back.",
        "Ask the operator of central whether all its servers have the same data; if central is right, run `boxsync \
         sync --allow-deletes`.",
    ),
    code(
        "central.unavailable",
        "central is not available",
        "Central, or the web server before it, says that it cannot serve now (429, 502, 503, 504). The box tries \
         again by itself, as late as central wishes.",
        "Wait; if it lasts, tell the operator of central.",
    ),
    code(
        "central.error",
        "central failed",
        "Central answered with an error of its own (5xx). The box tries again by itself.",
        "Tell the operator of central the time and this code.",
    ),
    code(
        "central.rejected",
        "central failed on the content of a request",
        "Central broke on what it was sent and says nothing about why (500 without a body). Mostly one odd entry is \
         the cause; the others were sent apart from it.",
        "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.",
    ),
    code(
        "central.refused",
        "central refused the request",
        "Central understood the request and refused it; its words are told beside it.",
        "Tell the operator of central what it said.",
    ),
    code(
        "central.not_found",
        "central does not have it",
        "Central answered 404: the URL has a wrong path, the extension taoSync is not installed there, or the thing \
         asked for is gone.",
        "Check the path of [central] url.",
    ),
    code(
        "central.too_long",
        "central takes no request of this size",
        "Central's web server refuses requests of this size (413). boxsync already sends the smallest it can.",
        "Ask the operator of central to raise the limit of request bodies.",
    ),
    code(
        "central.too_large",
        "an answer is too long to be taken",
        "Central's answer is longer than any answer of its kind; it was not read to its end, to protect the box.",
        "Tell the operator of central this code.",
    ),
    code(
        "central.compressed",
        "something compresses on the way",
        "An answer came compressed although the box had asked for it as it is: a proxy or the web server changes \
         answers. Packages cannot be resumed like that.",
        "Ask the operator of central or of the proxy to leave getDeliveryTest uncompressed.",
    ),
    code(
        "central.garbled",
        "an answer came damaged",
        "A compressed answer could not be unpacked. The line or a proxy damaged it; nothing of it was used.",
        "Run the synchronization again; if it stays, look for a proxy on the way.",
    ),
    code(
        "auth.token",
        "credentials",
        "The box trades its OAuth client id and secret for a token; central has to know them.",
        "Enroll the box with `boxsync enroll`.",
    ),
    code(
        "auth.not_enrolled",
        "the box is not enrolled",
        "The box has no credentials for central. A sync manager's login is traded for them once, or credentials \
         made on central are imported.",
        "Run `boxsync enroll --login L --password-file F`.",
    ),
    code(
        "auth.refused",
        "central refuses the credentials",
        "Central does not know the OAuth client of this box any more, or its secret was changed. What the box holds \
         stays usable; results wait.",
        "Enroll the box again: `boxsync enroll --login L --password-file F`.",
    ),
    code(
        "auth.untried",
        "new credentials could not be tried",
        "Central could not be asked whether it takes the new credentials, and the box has others. Those stay in force: \
         a mistyped secret would keep the box from central.",
        "Try again when central can be reached, or insist with `boxsync credentials import --untried`.",
    ),
    code(
        "auth.other_organisation",
        "the credentials are for another organisation",
        "The box belongs to one organisation, by its credentials, its configuration or the catalogue that it holds, and \
         the new credentials are for another. Nothing was replaced.",
        "Enroll with the sync manager of the box's organisation; to move the box, send what it owes, then `boxsync wipe`.",
    ),
    code(
        "auth.shared",
        "another box uses the same credentials",
        "Central keeps one token per client: each new token ends the one before. Tokens of this box end early, so a \
         second machine asks for tokens with the same client, mostly a cloned disk.",
        "Enroll each box for itself: `boxsync enroll --login L --password-file F` on this one.",
    ),
    code(
        "auth.password",
        "login or password is wrong",
        "Central refused the login or the password of the sync manager.",
        "Check login and password by logging in to central in a browser.",
    ),
    code(
        "auth.not_sync_manager",
        "the login is no synchronisation manager",
        "Central knows the user, but it lacks the role of a synchronisation manager.",
        "Ask the operator of central to give the user the role taoSyncManager.",
    ),
    code(
        "auth.role",
        "role on central",
        "The user behind the credentials needs the role of a synchronisation manager (taoSyncManager) on central; \
         without it central answers 403.",
        "Ask the operator of central to give the client's user the role taoSyncManager.",
    ),
    code(
        "version.supported",
        "VM version",
        "Central lists the VM versions that it synchronizes with; the version of the box has to be among them.",
        "See the version of the box with `boxsync identity`.",
    ),
    code(
        "version.unsupported",
        "central does not support the VM version",
        "The VM version of the box is not in central's list. Nothing is exchanged until it is; what the box holds \
         stays usable.",
        "Install a box image whose version central supports, or ask the operator of central to add this one.",
    ),
];
