//! Codes of boxsync as a service: daemon, local API, gateway, and the events of the journal.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! service_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        IdentityClone "identity.clone" [Operator Failed Unknown]
            "the disk runs on another machine"
            "The machine is not the one on which the box id was made: the disk was copied or moved. The box has a new id \
         and asks to be enrolled, so that two boxes never share one."
            "Enroll this box: `boxsync enroll --login L --password-file F`.";
        CloneFound "clone.found" [Operator Failed Unknown => CloneFound]
            "the disk runs on another machine"
            "The machine is not the one on which the box id was made: the disk was copied or moved. The box has a new id \
         and asks to be enrolled, so that two boxes never share one."
            "Enroll this box: `boxsync enroll --login L --password-file F`.";
        RunKilled "run.killed" [Retry Failed Unknown => RunKilled]
            "a synchronization was cut off"
            "Its process was killed or the power went before it could write its account. What it brought is kept. The next \
         one writes it into the history, with the log rows that central may hold twice, and tells central that it ended."
            "Run `boxsync sync`; if it happens again and again, send a support bundle (`boxsync doctor --bundle FILE`).";
        RunStopped "run.stopped" [Retry Failed Unknown]
            "a synchronization was told to end"
            "boxsync or the machine stopped while it was under way. What it brought is kept, central is told, and the next \
         one goes on from there."
            "Nothing to do.";
        AnswersNotKept "answers.not_kept" [Operator Failed Unknown => AnswersNotKept]
            "answers of candidates cannot be kept"
            "What candidates did and TAO hands over cannot be written down: the disk is full, read-only or failing, or the \
         state folder does not open. The journal names the cause; TAO keeps what was not taken and may hand it over again."
            "Follow the remedy of the cause that `boxsync status` names; the box is ready again by itself once it can keep \
         answers.";
        BoxRestored "box.restored" [Operator Failed Unknown => BoxRestored]
            "the state of the box was put back"
            "The state folder is an earlier copy, or a copy of another box's: its file `place` is another file, its numbers \
         are lower than those the daemon has seen, or central holds results that were never sent from here. The next \
         synchronization takes a number above all that may have been used, and asks for each result before it is sent. \
         A whole disk that was put back while nothing was owed cannot be told from a box that was off."
            "If it was put back on purpose, nothing; if this is the copy of another box, set `id` in section [box] and run \
         `boxsync enroll --login L --password-file F`.";
        BoxTwice "box.twice" [Operator Failed Unknown => BoxTwice]
            "this box runs twice"
            "Central keeps one token for each client and ended several of this box before their time: another machine, mostly \
         one started from the same image, works with the same credentials. Tokens are asked for ever more rarely, so \
         both are slow."
            "On one of the two machines set `id` in section [box], then run `boxsync enroll --login L --password-file F`.";
        IdentityDamaged "identity.damaged" [Operator Failed Unknown]
            "the identity of the box was damaged"
            "The box id and the number of its last synchronization are kept twice. A copy that does not open is kept in the \
         folder quarantine and written anew from the other one; if neither opens, from the account of the last run. \
         Only where nothing tells the id any more the box takes a new one. Flipped bits mean a failing disk."
            "Keep the folder /var/lib/boxsync/quarantine for your support, then remove it and replace the disk.";
        StateQuarantined "state.quarantined" [Operator Failed Unknown]
            "files of the state folder were damaged"
            "Small files of the state folder did not open; they lie in the folder quarantine and were made anew. Flipped \
         bits mean a failing disk."
            "Keep the folder /var/lib/boxsync/quarantine for your support, then remove it and replace the disk.";
        ExamNotTerminated "exam.not_terminated" [Operator Failed Unknown, 504]
            "a delivery engine does not end its executions"
            "`sync --terminate` asked the delivery engines of the box to end what is being sat, and one of them has not said within \
         `terminate_timeout` that nothing goes on. It may not know the event, it may have died, or candidates still sit."
            "End the executions in the delivery engine that is named, then run `boxsync sync`.";
        DaemonRunning "daemon.running" [Operator Failed Unknown]
            "a daemon runs already"
            "Another boxsync serves the socket of this box; two are never needed."
            "See `systemctl status boxsync`.";
        DaemonGone "daemon.gone" [Retry Failed Unknown]
            "the daemon ended meanwhile"
            "The connection to the daemon broke before it answered: it was stopped or started again."
            "Run the command again.";
        DaemonSilent "daemon.silent" [Retry Failed Unknown]
            "the daemon does not answer"
            "The daemon is there and does not answer: somebody has stopped it, the disk holds it up, or the machine has \
             too much to do. Nothing can be handed in meanwhile. Where systemd watches it, it is started again after a while."
            "Restart it: `systemctl restart boxsync`.";
        DaemonNewer "daemon.newer" [Operator Failed Unknown]
            "the service is of a newer boxsync"
            "The service answered with a code that this command does not know: it was started by a newer boxsync than \
             the one that asks."
            "Run the boxsync that the service runs: see `systemctl cat boxsync.service` for its path.";
        DaemonStopping "daemon.stopping" [Retry Failed Unknown]
            "the daemon is stopping"
            "The daemon takes no more orders, since it is about to end."
            "Run the command again when the service has started.";
        DaemonSignals "daemon.signals" [Operator Failed Unknown]
            "the daemon cannot hear signals"
            "The kernel gave no handler for signals, which never happens on a healthy machine."
            "Restart the machine.";
        WorkerDied "worker.died" [Retry Failed Unknown => WorkerDied]
            "the worker of a synchronization ended unexpectedly"
            "The process that synchronizes was ended before its work was done: at the memory limit, by hand, by a fault, \
         or by boxsync itself after minutes without progress. The reason says which. Nothing is lost; the next run \
         goes on."
            "Where the reason names the memory limit, raise MemoryMax= with `systemctl edit boxsync.service`; otherwise \
         send a support bundle (`boxsync doctor --bundle FILE`).";
        ConfigWrong "config.wrong" [Operator Failed Unsent => ConfigWrong]
            "the configuration is wrong"
            "The files of the configuration cannot be used; what is wrong is told beside it. The daemon goes on with the \
         last configuration that was good, and a box that never had one waits."
            "Run `boxsync config check` and mend what it names.";
        ApiDenied "api.denied" [Operator Failed Unknown, 403]
            "the local API refused a caller"
            "Only root, the user of boxsync and those named in [box] allow_uids and allow_gids or in section [api] may use \
         the socket."
            "Name the user in [box] allow_uids, or run the command as root.";
        ApiRole "api.role" [Operator Failed Unknown, 403]
            "the local API refused a caller what it has no role for"
            "Section [api] gives each program what it is there for: `read`, `intake`, `control`, and `secrets` for the \
         password hashes and keys of the catalogue. The reason names the role that this request needs."
            "Name the user of the program under that role in section [api].";
        ApiUnknownRoute "api.unknown_route" [GiveUp Failed Unknown, 404]
            "the local API has no such route"
            "The path that was asked for is not one of the local API of this boxsync."
            "See the OpenAPI document of the local API.";
        ApiMethod "api.method" [GiveUp Failed Unknown, 405]
            "the local API takes another method there"
            "The route exists, but not with this method."
            "See the OpenAPI document of the local API.";
        ApiRange "api.range" [GiveUp Failed Unknown, 416]
            "a range cannot be given"
            "The part of a package that was asked for lies outside of it."
            "Ask for a range within the size of the package.";
        ApiRequest "api.request" [GiveUp Failed Unknown, 400]
            "a request to the local API is malformed"
            "The request is not HTTP, or its content is not what the route takes."
            "See the OpenAPI document of the local API.";
        ApiBusy "api.busy" [Retry Failed Unknown]
            "the local API has no place for one more request of this kind"
            "Results, questions about the box, readers and followers each have places of their own, and one caller may not \
         take all of them. A request that finds none is sent away with Retry-After."
            "Send the request again; let whoever reads end what it began.";
        ApiSlow "api.slow" [Retry Failed Unknown, 408]
            "a caller of the local API was too slow"
            "The content of a request did not come in time."
            "Send the request again.";
        ApiTooLarge "api.too_large" [GiveUp Failed Unknown, 413]
            "a request to the local API is too large"
            "The content is larger than [results] max_item."
            "Raise [results] max_item if such large items are meant.";
        FeedGone "feed.gone" [GiveUp Failed Unknown, 410]
            "the change feed no longer reaches back so far"
            "A follower asks for changes that are not kept any more, or of an earlier epoch."
            "Let the follower read all entities again.";
        GatewayListen "gateway.listen" [Operator Failed Unknown]
            "the gateway cannot listen"
            "The address of [gateway] listen is in use by another program, or does not belong to this machine."
            "Set [gateway] listen to a free port of this machine.";
        GatewayEncryption "gateway.encryption" [Operator Failed Unknown]
            "central and the TAO on this box differ in encryption"
            "A TAO with taoEncryption needs the keys of an encrypted central. One without it shows what an encrypted central \
         encrypts, such as names, as it came."
            "Have taoEncryption set up on both or on neither: by the operator of central, or by who supplies the TAO on this box.";
        PageListen "page.listen" [Operator Failed Unknown]
            "the status page cannot listen"
            "The address of [page] listen is in use by another program, or does not belong to this machine."
            "Set [page] listen to a free port of this machine.";
        SyncStarted "sync.started" [Operator Failed Unknown => SyncStarted]
            "a synchronization has started"
            "The box synchronizes with central."
            "Nothing to do.";
        SyncFinished "sync.finished" [Operator Failed Unknown => SyncFinished]
            "a synchronization has finished"
            "All of it went well."
            "Nothing to do.";
        NetOffline "net.offline" [Retry Offline Unknown => NetOffline]
            "central cannot be reached"
            "The box tries again by itself, less and less often. An exam can run meanwhile."
            "Run `boxsync doctor` to see where the way to central ends.";
        CentralWish "central.wish" [Operator Failed Unknown => CentralWish]
            "central asks to be left alone for long"
            "Central, or a web server in front of it, answered with a Retry-After of more than a quarter of an hour. The box \
         believes a quarter of an hour, and longer only when it is told so again and again."
            "Nothing to do: the box tries again by itself. `boxsync sync` tries at once.";
        NetOnline "net.online" [Retry Offline Unknown => NetOnline]
            "central can be reached again"
            "What waited is sent now."
            "Nothing to do.";
        PackageHeld "package.held" [Operator Failed Unknown => PackageHeld]
            "a test package is held"
            "It is whole and verified."
            "Nothing to do.";
        DeletionHeldBack "deletion.held_back" [Operator Failed Unknown => DeletionHeldBack]
            "deletions are held back"
            "Central no longer names many of the entities that the box holds. They are kept until a second run agrees, \
         after the box has been running for 24 hours, or until a person says so."
            "If central is right, run `boxsync sync --allow-deletes`.";
        Ok "ok" [Operator Failed Unknown]
            "all went well"
            "Nothing went wrong in a synchronization."
            "Nothing to do.";
        Stopping "stopping" [Operator Failed Unknown => Stopping]
            "boxsync is stopping"
            "The service ends: somebody or systemd stopped it, or the machine goes down."
            "Nothing to do; start it again with `systemctl start boxsync`.";
        Enrolled "enrolled" [Operator Failed Unknown => Enrolled]
            "the box is enrolled"
            "A sync manager's login was traded for credentials, which the box keeps sealed."
            "Nothing to do.";
    } };
}
