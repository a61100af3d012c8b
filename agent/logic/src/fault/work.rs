//! Codes of what candidates did: what is let in, and what becomes of it on its way to central.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! work_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        IntakeMalformed "intake.malformed" [GiveUp Failed Unknown, 422]
            "what was submitted cannot be stored by central"
            "A result, log row or session has not the shape that central's own route takes. One wrongly typed variable \
         would cost a whole request on central, so it is refused on the box; the place is told as a path."
            "Correct the field that is named and submit again.";
        IntakeFailed "intake.failed" [Retry Failed Unknown]
            "an item could not be taken in"
            "The process that takes in large items ended early; nothing of the item was kept, and its sender was told so."
            "Submit it again; if it fails again, look at disk and memory.";
        IntakeTooLong "intake.too_long" [GiveUp Failed Unknown, 413]
            "a submitted item is too large"
            "One item takes more bytes than `max_item` in section [results] allows; nothing of it was kept."
            "Raise `max_item` in section [results] of boxsync.toml and submit it again.";
        IntakeLongText "intake.long_text" [GiveUp Failed Unknown, 422]
            "a text may be too long for central"
            "The text was let in, but the column of central's storage is shorter."
            "Nothing to do unless central refuses it.";
        IntakeCallId "intake.call_id" [GiveUp Failed Unknown, 422]
            "a call id has an unusual form"
            "Central expects `<execution id>.<item>.<occurrence>`, or the execution id for the test itself. It was let in \
         as it is."
            "Nothing to do unless central refuses it.";
        IntakeUnknownEntity "intake.unknown_entity" [GiveUp Failed Unknown, 422]
            "the box does not hold what a result names"
            "A result names a test taker or a delivery that is not in the catalogue of the box. It was let in."
            "See `boxsync entities` for what the box holds.";
        IntakeUnknownKey "intake.unknown_key" [GiveUp Failed Unknown, 422]
            "a submitted field is not known"
            "Central does not read this field; it was left out of what is sent."
            "Nothing to do.";
        IntakeRepeatedRow "intake.repeated_row" [GiveUp Failed Unknown, 422]
            "an identical log row stands above"
            "Central would store an identical row twice; it was left out."
            "Nothing to do.";
        InputExport "input.export" [Operator Failed Unknown]
            "nothing was exported"
            "An export writes what a candidate did in clear. It is asked for on a terminal, and there was none or the \
         answer was no."
            "Give `--yes` if it is meant.";
        InputOrder "input.order" [Operator Failed Unknown]
            "options do not go together"
            "Two options or arguments of the command exclude each other."
            "See the help of the command.";
        CentralSick "central.sick" [Operator Failed Unknown]
            "central stores nothing any more"
            "Many entries in a row failed on central, one by one, so that not the entries are the cause. Everything \
         stays queued."
            "Tell the operator of central that it stores nothing, with the time and this code.";
        CentralEncrypted "central.encrypted" [Operator Failed Unknown]
            "central takes encrypted results alone"
            "Central is set up with taoEncryption. What candidates do is encrypted with central's public key as soon as it is \
         let in. Where central does not give that key away, it dies of each result (500 without a body): nothing is lost, \
         they stay queued and are tried again after a wait that doubles from a minute to a day."
            "Ask the operator of central to complete its set-up: taoEncryption with a key pair, and the role EncryptionRole for \
         the sync managers (`SetupAsymmetricKeys generate`).";
        CentralKeyMissing "central.key_missing" [Operator Failed Unknown]
            "central is encrypted and has no public key"
            "Central has taoEncryption, which takes encrypted results alone, and no key to encrypt them with. Results are kept \
         sealed on the box, and go as soon as there is a key."
            "Ask the operator of central to make a key pair (`SetupAsymmetricKeys generate` of taoEncryption).";
        CentralEncryptionRole "central.encryption_role" [Operator Failed Unknown]
            "the credentials may not ask for central's public key"
            "Central is encrypted, and its public key is given to holders of the role EncryptionRole alone, which belongs to the \
         role of a sync manager where a key pair was made. Results are kept sealed on the box meanwhile."
            "Ask the operator of central to include EncryptionRole in the role of sync managers (`SetupAsymmetricKeys generate` \
         does).";
        CentralKeyChanged "central.key_changed" [Operator Failed Unknown]
            "results are encrypted for a key that central no longer has"
            "Central has another public key than these results were encrypted with, or none. It would acknowledge them and could \
         not read them, so they are held on the box until that key is back or a person decides. What comes later is encrypted \
         with the key of today."
            "Ask the operator of central to restore the former key pair; if its private half is kept apart, send them all the same \
         with `boxsync results release`.";
        CentralProbeStored "central.probe_stored" [Operator Failed Unknown]
            "central stored a probe"
            "To learn the fate of a result the box asks with a log row that a central leaves alone. This central stored \
         it; it is not asked in this way again."
            "Tell the operator of central that one log row BOXSYNC_PROBE may be deleted.";
        ResultsCopied "results.copied" [Operator Failed Unknown]
            "the box is a copy"
            "The results on this disk belong to another box, which sends them itself; they are kept here and not sent."
            "If the other box is gone, run `boxsync results retry`.";
        ResultsNotStored "results.not_stored" [Operator Failed Unknown]
            "central did not store a result"
            "Central answered that its storage did not take the result, and it does not hold it. That is central's trouble: \
         the result stays queued and is tried again by itself, after a wait that doubles from a minute to a day."
            "Tell the operator of central that its storage fails, with the time and this code.";
        ResultsRejected "results.rejected" [Operator Failed Unknown => ResultRefused]
            "central breaks on a result"
            "Central dies of this result without a word when it is sent alone. If that happens twice, `refuse_after` in \
         section [results] apart, each time between two others that it took, the result counts as refused: some of its \
         variables cannot be stored there."
            "Export it with `boxsync results export ID FILE` and send it to your support.";
        ResultsTooLong "results.too_long" [Operator Failed Unknown]
            "a result is too large for central"
            "Central's web server takes no request of this size, and the result cannot be split further. It stays queued \
         and is tried again by itself, after a wait that doubles from a minute to a day."
            "Ask the operator of central to raise the limit of request bodies (client_max_body_size of nginx).";
        ResultsUnanswered "results.unanswered" [Operator Failed Unknown]
            "central did not answer for a result"
            "Central's answer does not name the result, and it does not hold it. It is tried again by itself."
            "Tell the operator of central the time and this code.";
        ResultsDoubt "results.doubt" [Operator Failed Unknown]
            "it is not settled yet whether central has some results"
            "The answer of central to these was lost. Central is asked about them first by the next synchronization; they \
         are sent again only when it surely does not have them."
            "Nothing to do; if it stays, tell the operator of central that answers get lost.";
        LtiUsersUnsupported "lti_users.unsupported" [Operator Failed Unknown]
            "central does not take LTI users"
            "This central has no extension that takes LTI users; they stay queued and are offered again now and then."
            "Set `lti_users` in section [results] to false, or ask the operator of central for the extension.";
        ResultsUnreadable "results.unreadable" [Operator Failed Unknown]
            "a kept result cannot be read"
            "The file of a result does not open: its bytes changed on disk. It is kept."
            "Send a support bundle (`boxsync doctor --bundle FILE`) before the disk is replaced.";
        ResultsQuarantined "results.quarantined" [Operator Failed Unknown]
            "a file of the spool was set aside"
            "A file of the spool does not open: its bytes changed on disk. It lies in the folder `quarantine` now. What it held may still be with whoever handed it over."
            "Keep the folder /var/lib/boxsync/quarantine for your support, then remove it and replace the disk.";
        ResultsUnknown "results.unknown" [GiveUp Failed Unknown, 404]
            "the box does not hold this result"
            "There is no item with this id in the spool."
            "See `boxsync results` for what there is.";
        ResultsSuperseded "results.superseded" [GiveUp Failed Unknown]
            "a later content stands for this result"
            "The execution was not finished when this content came, and a later one came while it stood aside. That one goes to \
         central; what is superseded is kept on the box and never sent."
            "Nothing to do; see `boxsync results` for the later one.";
        ResultRefused "result.refused" [Operator Failed Unknown => ResultRefused]
            "central does not accept a result"
            "Central broke on this result while it took others. It is kept on the box."
            "Export it with `boxsync results export ID FILE` and send it to your support.";
        ResultUnconfirmed "result.unconfirmed" [Operator Failed Unknown => ResultUnconfirmed]
            "it is not known whether central has a result"
            "The answer of central was lost. Sending the result blindly could double it, so it is kept."
            "Ask the operator of central whether it has it; if not, run `boxsync results retry ID`.";
        SiteNoKey "site.no_key" [Operator Failed Unknown]
            "the box has no site key"
            "What leaves a box (second copies, sticks, adoption) is sealed with a key that the boxes of an organisation share. No \
         `key_file` is set in section [site]."
            "Make one with `boxsync site key new FILE`, or take that of another box with `boxsync site key import FILE`, and name \
         it as `key_file` in section [site] of boxsync.toml.";
        SiteKeyFile "site.key_file" [Operator Failed Unknown]
            "the site key cannot be read"
            "The file that `key_file` in section [site] names is missing, cannot be read by the user boxsync, or holds something \
         else. What was sealed with it can be read again as soon as it is back."
            "Bring the file back from another box, with `boxsync site key import FILE`.";
        SiteListen "site.listen" [Operator Failed Unknown]
            "the box cannot listen for its siblings"
            "The address and port that `listen` in section [site] names cannot be opened. The box synchronizes as ever; other boxes \
         of the site do not reach it."
            "Set [site] listen to a free port of this machine.";
        SiteUnproven "site.unproven" [Operator Failed Unknown]
            "a sibling does not prove the site's key"
            "What answers at an address of `peers` in section [site] has no key that this box has: another site's box, one with \
         another key, or another program. It is asked for nothing and told nothing."
            "Compare `boxsync site key` on both boxes, and bring the key of one to the other with `boxsync site key import FILE`.";
        SiteAnswer "site.answer" [Retry Failed Unknown]
            "a sibling refuses what it is asked"
            "Another box of the site is there and did not do what it was asked: its disk is full, or its key is good for packages \
         alone. It is tried again by itself."
            "See `boxsync doctor` on that box.";
        CopiesMissing "copies.missing" [Operator Failed Unknown]
            "the folder of second copies is not there"
            "The folder that `copy_to` in section [results] names does not exist, or lies on the box's own disk: a stick that is pulled \
         leaves its mount point. Results are kept on the box and go to central as ever; their copies follow."
            "Plug in or mount the device that `copy_to` in section [results] names.";
        CopiesFull "copies.full" [Operator Failed Unknown]
            "the device of second copies is full"
            "There is no room for the copy of a result. Results are kept on the box and go to central as ever."
            "Free some room on the device, or put in a larger one.";
        CopiesReadOnly "copies.read_only" [Operator Failed Unknown]
            "second copies cannot be written"
            "The folder that `copy_to` in section [results] names is read-only, or another user's. Results are kept on the box and go \
         to central as ever."
            "Mount the device so that the user boxsync may write to that folder, and name it in ReadWritePaths= of the unit.";
        CopiesUnproven "copies.unproven" [Operator Failed Unknown]
            "the device of second copies fails"
            "What was written there did not read back, or the device does not answer. Results are kept on the box and go to \
         central as ever."
            "Replace the device.";
        CopiesChanged "copies.changed" [Operator Failed Unknown]
            "second copies were not as they were left"
            "Copies did not open any more, or the folder was put back to an earlier time. The box has written them anew; it is told \
         until the place is proven again, hourly."
            "Find out who changes that device; if it happens again, replace it.";
        CopiesAlone "copies.alone" [Operator Failed Unknown]
            "no box of the room takes copies"
            "What is owed is to lie with other boxes of `peers` in section [site], too, and none of them takes it: they are off, do not prove \
         the site's key, or have no room. Results are kept on the box and go to central as ever; their copies follow."
            "See `boxsync site status` for what each of them says.";
        AdoptAlive "adopt.alive" [Operator Failed Unknown]
            "the other box may still be at work"
            "The box whose copies are to be adopted was heard of within a day: it may bring its results home by itself."
            "Look after that box; if it is surely gone, give `--force --box ID`.";
        AdoptChanged "adopt.changed" [Operator Failed Unknown]
            "some copies are of no use"
            "Files at the place do not open with the site keys of this box: they were changed, or another site made them. Everything else \
         was adopted."
            "Keep the device; if another site key sealed them, import it with `boxsync site key import FILE` and adopt again.";
        AdoptNone "adopt.none" [Operator Failed Unknown]
            "there is nothing to adopt"
            "No box of this site left copies in this folder."
            "Name the folder that `copy_to` of the other box named, on the device that was in it.";
        CarryFull "carry.full" [Operator Failed Unknown]
            "there is no room for what is to be carried"
            "The new objects do not fit on the device beside what lies there: what the data before needs goes only when its successor is \
         whole. Nothing was changed."
            "Free some room on the device, or take a larger one.";
        CarryMedium "carry.medium" [Operator Failed Unknown]
            "the device to carry cannot be read or written"
            "The folder is gone, read-only, another user's, or the device fails. What was whole on it before is whole still; the same \
         command goes on where this one ended."
            "Plug the device in, mount it so that the user boxsync may use that folder, and run the command again.";
        CarryNone "carry.none" [Operator Failed Unknown]
            "there is nothing to take from this folder"
            "No head in the folder opens with the site keys of this box for this organisation: nothing was exported there, another site \
         did, or it is of a newer boxsync."
            "See `boxsync site key` on both boxes; name the folder that `boxsync carry export` was given, and the organisation.";
        CarryChanged "carry.changed" [Operator Failed Unknown]
            "what is carried is not whole"
            "Objects that the data on the device needs are missing, or do not open: the device fails, somebody changed them, or it was \
         filled by parts. None of them is used."
            "Run `boxsync carry export` again on a box that has the data; if it happens again, replace the device.";
        CarryOlder "carry.older" [Operator Failed Unknown]
            "what is carried is older than what is there"
            "The data would replace newer data. Nothing was changed."
            "Take a newer device; if the older data is meant, give `--older`.";
        CarryUnready "carry.unready" [Operator Failed Unknown]
            "there is nothing to carry yet"
            "The box has no complete catalogue of this organisation, or one of another organisation."
            "Run `boxsync sync`, then export again.";
        CarryOutdated "carry.outdated" [Operator Failed Unknown]
            "older packages are carried"
            "The deliveries changed at central, and the box that exports had not fetched or compared their packages since. The older ones are \
         whole and go with the others; a box that has a whole one keeps it."
            "Let `boxsync sync` bring the packages to the box that exports, then export and import again.";
        CarryTaken "carry.taken" [Operator Failed Unknown]
            "the data came from a stick"
            "This synchronization was answered by a stick and not by central: catalogue and packages are as old as they say. Nothing \
         was sent."
            "Nothing to do.";
        LogsQueued "logs.queued" [Operator Failed Unknown]
            "some log rows are left to a later run"
            "Not all rows of an execution could be sent in this run; the others follow."
            "Nothing to do; the next synchronization goes on.";
        LogsNoReceipt "logs.no_receipt" [Operator Failed Unknown => ResultUnconfirmed]
            "central took log rows without saying which"
            "Whether central holds these rows cannot be known; they are not sent again by themselves."
            "Ask the operator of central; if they are missing, run `boxsync results retry ID`.";
        LogsNotStored "logs.not_stored" [Operator Failed Unknown]
            "central does not store a log row"
            "Central answered that its storage did not take the row. It is tried again by itself."
            "Tell the operator of central that its storage fails, with the time and this code.";
        LogsRejected "logs.rejected" [Operator Failed Unknown => ResultRefused]
            "central breaks on a log row"
            "Central dies of this row without a word when it is sent alone. If that happens twice, far enough apart, each \
         time while it is well, the row counts as refused."
            "Export it with `boxsync results export ID FILE` and send it to your support.";
        LogsTooLong "logs.too_long" [Operator Failed Unknown]
            "a log row is too large for central"
            "Central's web server takes no request of this size. It is tried again by itself."
            "Ask the operator of central to raise the limit of request bodies (client_max_body_size of nginx).";
        LogsUnmapped "logs.unmapped" [Operator Failed Unknown]
            "log rows wait for their result"
            "Central stores rows only once it knows the result of their execution."
            "Nothing to do; they go as soon as the result is home.";
        LogsUnreadable "logs.unreadable" [Operator Failed Unknown]
            "kept log rows cannot be read"
            "The file of the rows does not open: its bytes changed on disk. It is kept."
            "Send a support bundle (`boxsync doctor --bundle FILE`) before the disk is replaced.";
        SessionsFailed "sessions.failed" [Operator Failed Unknown]
            "central cannot complete a test session"
            "Central does not know the execution, cannot open its test, or its storage failed. It is tried again by itself."
            "Tell the operator of central which execution is named in `boxsync results`.";
        SessionsRejected "sessions.rejected" [Operator Failed Unknown => ResultRefused]
            "central breaks on a test session"
            "Central dies of this session without a word while it takes others."
            "Tell the operator of central which execution is named in `boxsync results`.";
    } };
}
