#compdef boxsync

autoload -U is-at-least

_boxsync() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_boxsync_commands" \
"*::: :->boxsync" \
&& ret=0
    case $state in
    (boxsync)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(sync)
_arguments "${_arguments_options[@]}" : \
'*--type=[Only this type; may be given several times]:TYPE:(test-center administrator proctor test-taker eligibility delivery)' \
'--yes=[Do not ask before --terminate\: the number of executions under way, typed here]:N:_default' \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--data[Only catalogue and packages]' \
'(--data --type)--results[Only what the box owes\: results, logs, sessions]' \
'--logs[Only delivery logs; --sessions, --data or --type may stand beside it]' \
'--sessions[Only test sessions; so may --logs, --data or --type]' \
'--allow-deletes[Delete what central no longer names, however much it is]' \
'(--results)--now[Bring packages at once, also outside of the download windows]' \
'(--terminate --results --logs --sessions --now --no-wait)--dry-run[Only say what would be done\: nothing is changed, and nothing is sent]' \
'--terminate[First have the delivery engines end what is being sat; asks twice]' \
'(--now)--no-wait[Do not wait for packages\: they go on by themselves where the daemon runs]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
'--bundle=[Also write a support bundle\: everything a supporter needs, no secret, no name]:FILE:_files' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--offline[Speak to nobody\: look at the box alone]' \
'--deep[Read and check every byte of every package; takes minutes]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__doctor_commands" \
"*::: :->doctor" \
&& ret=0

    case $state in
    (doctor)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-doctor-command-$line[1]:"
        case $line[1] in
            (explain)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'::code -- As it stands in brackets behind a message\: net.dns, auth.refused, …; without one all are listed:(ready config.read config.syntax config.unknown_key config.value config.file config.no_url config.plain_http config.no_organisation config.no_version config.ca_file config.proxy config.box_id config.tls config.textfile metrics.push update.no_source update.source update.image update.install update.failed update.impossible update.held input.file input.key input.token_url input.kind input.organisation input.wipe input.run input.terminate input.confirm wipe.owed input.usage input.code output.failed state.folder state.new state.newer state.version state.read_only state.owner state.io state.busy key.open key.wrong key.sealed key.malformed key.elsewhere disk.space disk.full disk.inodes disk.failing disk.reserve clock.skew clock.wrong clock.central clock.floor clock.unproven clock.behind unit.state unit.down unit.failed unit.masked unit.unusable unit.unreadable unit.restarts doctor.offline doctor.late bundle.secret net.link net.no_link net.address net.no_address net.no_route net.disabled net.gateway net.filtered net.family net.loss net.mtu net.dns net.connect net.refused net.unreachable net.proxy net.proxy_scheme net.tls net.tls_expired net.tls_not_yet net.tls_host net.tls_issuer net.tls_client net.tls_certificate net.tls_old net.tls_expiring net.token net.reset net.timeout net.cut net.stalled link.speed link.slow central.answer central.foreign central.maintenance central.php central.contradicts central.unavailable central.error central.rejected central.refused central.not_found central.too_long central.too_large central.compressed central.garbled central.token auth.token auth.not_enrolled auth.refused auth.untried auth.other_organisation auth.shared auth.password auth.not_sync_manager auth.role version.supported version.unsupported store.open store.failed store.rebuilt store.damaged catalogue.organisation catalogue.unknown_organisation catalogue.other_organisation catalogue.other_centre catalogue.complete catalogue.incomplete catalogue.empty catalogue.old catalogue.held_back catalogue.in_use catalogue.endless catalogue.checksum catalogue.entity catalogue.unknown_entity package.whole package.incomplete package.missing package.waiting package.damaged package.unsupported package.cache package.not_held package.edition package.unknown_member package.changed package.range package.empty package.length package.not_zip package.truncated package.directory package.multidisk package.too_large results.spool results.queued results.refused results.unconfirmed results.stuck sync.last sync.never sync.failed engine.worker intake.malformed intake.failed intake.too_long intake.long_text intake.call_id intake.unknown_entity intake.unknown_key intake.repeated_row input.export input.order central.sick central.encrypted central.key_missing central.encryption_role central.key_changed central.probe_stored results.copied results.not_stored results.rejected results.too_long results.unanswered results.doubt lti_users.unsupported results.unreadable results.quarantined results.unknown results.superseded result.refused result.unconfirmed site.no_key site.key_file site.listen site.unproven site.answer copies.missing copies.full copies.read_only copies.unproven copies.changed copies.alone adopt.alive adopt.changed adopt.none carry.full carry.medium carry.none carry.changed carry.older carry.unready carry.outdated carry.taken logs.queued logs.no_receipt logs.not_stored logs.rejected logs.too_long logs.unmapped logs.unreadable sessions.failed sessions.rejected identity.clone clone.found run.killed run.stopped answers.not_kept box.restored box.twice identity.damaged state.quarantined exam.not_terminated daemon.running daemon.gone daemon.silent daemon.newer daemon.stopping daemon.signals worker.died config.wrong api.denied api.role api.unknown_route api.method api.range api.request api.busy api.slow api.too_large feed.gone gateway.listen gateway.encryption page.listen sync.started sync.finished net.offline central.wish net.online package.held deletion.held_back ok stopping enrolled)' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__doctor__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-doctor-help-command-$line[1]:"
        case $line[1] in
            (explain)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
'--limit=[At most so many]:N:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__history_commands" \
"*::: :->history" \
&& ret=0

    case $state in
    (history)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-history-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':number -- Its number, as `history` lists it:_default' \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
'--since=[All that ended within this time\: 1d is since yesterday at this hour]:TIME:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__history__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-history-help-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(speed)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(stats)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(watch)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(entities)
_arguments "${_arguments_options[@]}" : \
'--id=[Only the entity with this URI]:URI:_default' \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--hidden[What is not shown, since central no longer names it, and comes back when it does]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'::kind -- test-center, administrator, proctor, test-taker, eligibility or delivery:(test-center administrator proctor test-taker eligibility delivery)' \
&& ret=0
;;
(packages)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__packages_commands" \
"*::: :->packages" \
&& ret=0

    case $state in
    (packages)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-packages-command-$line[1]:"
        case $line[1] in
            (verify)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(first)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':uri -- URI of the delivery:_default' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':uri -- URI of the delivery:_default' \
':file -- New file:_files' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__packages__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-packages-help-command-$line[1]:"
        case $line[1] in
            (verify)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(first)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(pause)
_arguments "${_arguments_options[@]}" : \
'--for=[So long, 24h at most]:TIME:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(rate)
_arguments "${_arguments_options[@]}" : \
'--for=[So long]:TIME:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':size -- Bytes a second; 0 is no limit:_default' \
&& ret=0
;;
(results)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__results_commands" \
"*::: :->results" \
&& ret=0

    case $state in
    (results)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-results-command-$line[1]:"
        case $line[1] in
            (submit)
_arguments "${_arguments_options[@]}" : \
'--kind=[results, logs, sessions or lti-users]:KIND:(results logs sessions lti-users)' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::files -- JSON in the shape that central'\''s own route takes for this kind; `-` reads standard input:_files' \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Ids; none means all:_default' \
&& ret=0
;;
(set-aside)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Ids:_default' \
&& ret=0
;;
(release)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Ids; none means all:_default' \
&& ret=0
;;
(receipt)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Execution ids:_default' \
&& ret=0
;;
(adopt)
_arguments "${_arguments_options[@]}" : \
'--box=[Only what this box left]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--force[Also of a box that was heard of within a day, when it is the only such one or named]' \
'(--force --box)--look[Only show what is there]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':from -- Folder of second copies; or the id of a box\: then what this box keeps of it, or the folder that its own `copy_to` names:_files' \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--yes[Do not ask]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':id -- Execution id:_default' \
':file -- New file:_files' \
&& ret=0
;;
(export-tao)
_arguments "${_arguments_options[@]}" : \
'--organisation=[Of this organisation, on a box of several]:ID:_default' \
'--most=[So many results in the file, where central takes no larger one]:N:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--again[Also what was handed over before\: its file is lost]' \
'--dry-run[Says what would go, and writes nothing]' \
'--yes[Do not ask]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':file -- New file:_files' \
&& ret=0
;;
(confirm)
_arguments "${_arguments_options[@]}" : \
'()--all-of=[All that lies in this file]:FILE:_files' \
'--yes=[Do not ask\: so many that central could not be asked about]:N:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Ids:_default' \
&& ret=0
;;
(reclaim)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
'*::ids -- Ids; none means all:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__results__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-results-help-command-$line[1]:"
        case $line[1] in
            (submit)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(set-aside)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(release)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(receipt)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(adopt)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export-tao)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(confirm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reclaim)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(enroll)
_arguments "${_arguments_options[@]}" : \
'--login=[Login of the sync manager]:LOGIN:_default' \
'--password-file=[File whose first line is the password; \`-\` reads standard input]:FILE:_files' \
'--organisation=[Which organisation they are for, where the sync manager has several]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--add[Add an organisation to those of the box]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(organisation)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__organisation_commands" \
"*::: :->organisation" \
&& ret=0

    case $state in
    (organisation)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-organisation-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(remove)
_arguments "${_arguments_options[@]}" : \
'--owed=[So many items are still to go home for it; they go with the credentials of the first]:N:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--yes[Do not ask]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':id -- Its id:_default' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__organisation__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-organisation-help-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(remove)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(credentials)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__credentials_commands" \
"*::: :->credentials" \
&& ret=0

    case $state in
    (credentials)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-credentials-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
'--key=[OAuth client id\: 32 hex digits]:KEY:_default' \
'--secret-file=[File whose first line is the client secret; \`-\` reads standard input]:FILE:_files' \
'--token-url=[Where tokens are asked for, as central printed it]:URL:_default' \
'--organisation=[Which organisation they are for, where the sync manager has several]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--untried[Replace credentials also when central cannot be reached to try the new ones]' \
'--add[Add an organisation to those of the box]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__credentials__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-credentials-help-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(identity)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__identity_commands" \
"*::: :->identity" \
&& ret=0

    case $state in
    (identity)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-identity-command-$line[1]:"
        case $line[1] in
            (gateway)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__identity__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-identity-help-command-$line[1]:"
        case $line[1] in
            (gateway)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(config)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__config_commands" \
"*::: :->config" \
&& ret=0

    case $state in
    (config)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-config-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(defaults)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__config__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-config-help-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(defaults)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(clock)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__clock_commands" \
"*::: :->clock" \
&& ret=0

    case $state in
    (clock)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-clock-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--system[The system clock, whatever central said]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__clock__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-clock-help-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(key)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__key_commands" \
"*::: :->key" \
&& ret=0

    case $state in
    (key)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-key-command-$line[1]:"
        case $line[1] in
            (rotate)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__key__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-key-help-command-$line[1]:"
        case $line[1] in
            (rotate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(site)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__site_commands" \
"*::: :->site" \
&& ret=0

    case $state in
    (site)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-site-command-$line[1]:"
        case $line[1] in
            (key)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__site__subcmd__key_commands" \
"*::: :->key" \
&& ret=0

    case $state in
    (key)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-site-key-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':file -- New file:_files' \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':file -- File that was made on another box:_files' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__site__subcmd__key__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-site-key-help-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__site__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-site-help-command-$line[1]:"
        case $line[1] in
            (key)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__site__subcmd__help__subcmd__key_commands" \
"*::: :->key" \
&& ret=0

    case $state in
    (key)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-site-help-key-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(carry)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__carry_commands" \
"*::: :->carry" \
&& ret=0

    case $state in
    (carry)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-carry-command-$line[1]:"
        case $line[1] in
            (export)
_arguments "${_arguments_options[@]}" : \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--data[Catalogue and packages; so also where nothing is said]' \
'--results[What is owed\: it counts as handed over from then on, and the box that adopts it brings it home]' \
'--again[Also what was handed over before\: its stick is lost]' \
'--older[Also in the place of newer data]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':dir -- The folder:_files' \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--dry-run[Only say what would be done\: nothing is changed]' \
'--allow-deletes[Delete what the data no longer names, however much it is]' \
'--older[Also data that is older than what the box has]' \
'(--dry-run --allow-deletes --older)--results[Only what the stick says of what this box handed over\: what central has is acknowledged]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':dir -- The folder:_files' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'*--organisation=[Only this organisation of the box; may be given several times]:ID:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':dir -- The folder:_files' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__carry__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-carry-help-command-$line[1]:"
        case $line[1] in
            (export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(update)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_boxsync__subcmd__update_commands" \
"*::: :->update" \
&& ret=0

    case $state in
    (update)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-update-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--dry-run[Only tells what would be done]' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(health)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__update__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-update-help-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(health)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
;;
(wipe)
_arguments "${_arguments_options[@]}" : \
'--yes=[Do not ask\: the box id, typed here]:BOX_ID:_default' \
'--discard-results=[Destroy also what central has not acknowledged\: the number of these items]:N:_default' \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help]' \
'--help[Print help]' \
':shell -- bash, zsh, fish, …:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
'--root=[Everything lies below this folder]:DIR:_files' \
'--json[One JSON object a line on stdout, for machines]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::page -- Which one:((boxsync\:"boxsync(1)\: the verbs"
boxsync.toml\:"boxsync.toml(5)\: the configuration"
boxsync-codes\:"boxsync-codes(7)\: what each code means, and what to do"))' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-command-$line[1]:"
        case $line[1] in
            (run)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(sync)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(doctor)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__doctor_commands" \
"*::: :->doctor" \
&& ret=0

    case $state in
    (doctor)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-doctor-command-$line[1]:"
        case $line[1] in
            (explain)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(history)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__history_commands" \
"*::: :->history" \
&& ret=0

    case $state in
    (history)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-history-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(diff)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(speed)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(stats)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(watch)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(entities)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(packages)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__packages_commands" \
"*::: :->packages" \
&& ret=0

    case $state in
    (packages)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-packages-command-$line[1]:"
        case $line[1] in
            (verify)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(first)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(pause)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(resume)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(rate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(results)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__results_commands" \
"*::: :->results" \
&& ret=0

    case $state in
    (results)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-results-command-$line[1]:"
        case $line[1] in
            (submit)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(retry)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(set-aside)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(release)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(receipt)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(adopt)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(export-tao)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(confirm)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(reclaim)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(enroll)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(organisation)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__organisation_commands" \
"*::: :->organisation" \
&& ret=0

    case $state in
    (organisation)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-organisation-command-$line[1]:"
        case $line[1] in
            (list)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(remove)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(credentials)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__credentials_commands" \
"*::: :->credentials" \
&& ret=0

    case $state in
    (credentials)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-credentials-command-$line[1]:"
        case $line[1] in
            (import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(identity)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__identity_commands" \
"*::: :->identity" \
&& ret=0

    case $state in
    (identity)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-identity-command-$line[1]:"
        case $line[1] in
            (gateway)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(config)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__config_commands" \
"*::: :->config" \
&& ret=0

    case $state in
    (config)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-config-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(defaults)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(clock)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__clock_commands" \
"*::: :->clock" \
&& ret=0

    case $state in
    (clock)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-clock-command-$line[1]:"
        case $line[1] in
            (show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(accept)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(key)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__key_commands" \
"*::: :->key" \
&& ret=0

    case $state in
    (key)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-key-command-$line[1]:"
        case $line[1] in
            (rotate)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(site)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__site_commands" \
"*::: :->site" \
&& ret=0

    case $state in
    (site)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-site-command-$line[1]:"
        case $line[1] in
            (key)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__site__subcmd__key_commands" \
"*::: :->key" \
&& ret=0

    case $state in
    (key)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-site-key-command-$line[1]:"
        case $line[1] in
            (new)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(carry)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__carry_commands" \
"*::: :->carry" \
&& ret=0

    case $state in
    (carry)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-carry-command-$line[1]:"
        case $line[1] in
            (export)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(import)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(update)
_arguments "${_arguments_options[@]}" : \
":: :_boxsync__subcmd__help__subcmd__update_commands" \
"*::: :->update" \
&& ret=0

    case $state in
    (update)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:boxsync-help-update-command-$line[1]:"
        case $line[1] in
            (check)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(install)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(health)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(wipe)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(man)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_boxsync_commands] )) ||
_boxsync_commands() {
    local commands; commands=(
'run:The daemon\: synchronizes at boot, at intervals and when asked' \
'sync:One synchronization now' \
'status:Whether the box is ready for the exam, on one screen' \
'doctor:What is wrong, and the one thing to do' \
'history:Past synchronizations, newest first' \
'speed:Measures the link to central now, each way' \
'stats:The link over time, and what the coming night can carry' \
'watch:The events of the box as they come, a line each, until the service ends' \
'entities:What the catalogue holds' \
'packages:Test packages' \
'pause:Lets no package come for a time; results and the catalogue go on' \
'resume:Ends a pause, a rate and \`packages first\`\: packages come as they are configured to' \
'rate:The rate at which packages come at most, in place of \`max_rate\`' \
'results:What the box owes to central\: results, logs, sessions' \
'enroll:Trades a sync manager'\''s login for credentials of this box' \
'organisation:The organisations that the box is enrolled for' \
'credentials:Credentials that were made on central' \
'identity:Who this box is' \
'config:The configuration' \
'clock:What time it is to this box, and how it knows' \
'key:The key of the data at rest' \
'site:What the boxes of an organisation share\: the key that everything is sealed with that leaves a box' \
'carry:Catalogue and packages on a stick, sealed with the site key, for boxes without a link' \
'update:Which image is offered, and whether it may be installed or booted now' \
'wipe:Destroys the key and the data; asks twice' \
'completions:Shell completions on stdout' \
'man:A manual page on stdout (roff)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry_commands] )) ||
_boxsync__subcmd__carry_commands() {
    local commands; commands=(
'export:Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again' \
'import:Takes catalogue and packages from a folder\: a synchronization that is answered by it and not by central' \
'show:From which box, of when and whether whole\: everything is read and opened' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync carry commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__export_commands] )) ||
_boxsync__subcmd__carry__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__help_commands] )) ||
_boxsync__subcmd__carry__subcmd__help_commands() {
    local commands; commands=(
'export:Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again' \
'import:Takes catalogue and packages from a folder\: a synchronization that is answered by it and not by central' \
'show:From which box, of when and whether whole\: everything is read and opened' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync carry help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__help__subcmd__export_commands] )) ||
_boxsync__subcmd__carry__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry help export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__carry__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__help__subcmd__import_commands] )) ||
_boxsync__subcmd__carry__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry help import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__help__subcmd__show_commands] )) ||
_boxsync__subcmd__carry__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry help show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__import_commands] )) ||
_boxsync__subcmd__carry__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__carry__subcmd__show_commands] )) ||
_boxsync__subcmd__carry__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync carry show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock_commands] )) ||
_boxsync__subcmd__clock_commands() {
    local commands; commands=(
'show:The time of this box, the bound that certificates are judged by, and the system clock' \
'accept:Takes as right what central said last, or the system clock where central said nothing else' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync clock commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__accept_commands] )) ||
_boxsync__subcmd__clock__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync clock accept commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__help_commands] )) ||
_boxsync__subcmd__clock__subcmd__help_commands() {
    local commands; commands=(
'show:The time of this box, the bound that certificates are judged by, and the system clock' \
'accept:Takes as right what central said last, or the system clock where central said nothing else' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync clock help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__help__subcmd__accept_commands] )) ||
_boxsync__subcmd__clock__subcmd__help__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync clock help accept commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__clock__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync clock help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__help__subcmd__show_commands] )) ||
_boxsync__subcmd__clock__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync clock help show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__clock__subcmd__show_commands] )) ||
_boxsync__subcmd__clock__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync clock show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__completions_commands] )) ||
_boxsync__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync completions commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config_commands] )) ||
_boxsync__subcmd__config_commands() {
    local commands; commands=(
'check:Reads it and tells what is wrong' \
'show:Prints what is in force, and where each value comes from' \
'defaults:Prints every key with its meaning and its default' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync config commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__check_commands] )) ||
_boxsync__subcmd__config__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__defaults_commands] )) ||
_boxsync__subcmd__config__subcmd__defaults_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config defaults commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__help_commands] )) ||
_boxsync__subcmd__config__subcmd__help_commands() {
    local commands; commands=(
'check:Reads it and tells what is wrong' \
'show:Prints what is in force, and where each value comes from' \
'defaults:Prints every key with its meaning and its default' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync config help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__help__subcmd__check_commands] )) ||
_boxsync__subcmd__config__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config help check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__help__subcmd__defaults_commands] )) ||
_boxsync__subcmd__config__subcmd__help__subcmd__defaults_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config help defaults commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__config__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__help__subcmd__show_commands] )) ||
_boxsync__subcmd__config__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config help show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__config__subcmd__show_commands] )) ||
_boxsync__subcmd__config__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync config show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__credentials_commands] )) ||
_boxsync__subcmd__credentials_commands() {
    local commands; commands=(
'import:Stores credentials made on central (\`GenerateOauthCredentials\`)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync credentials commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__credentials__subcmd__help_commands] )) ||
_boxsync__subcmd__credentials__subcmd__help_commands() {
    local commands; commands=(
'import:Stores credentials made on central (\`GenerateOauthCredentials\`)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync credentials help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__credentials__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__credentials__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync credentials help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__credentials__subcmd__help__subcmd__import_commands] )) ||
_boxsync__subcmd__credentials__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync credentials help import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__credentials__subcmd__import_commands] )) ||
_boxsync__subcmd__credentials__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync credentials import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__doctor_commands] )) ||
_boxsync__subcmd__doctor_commands() {
    local commands; commands=(
'explain:Tells at length what a code means and what to do; lists all codes' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync doctor commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__doctor__subcmd__explain_commands] )) ||
_boxsync__subcmd__doctor__subcmd__explain_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync doctor explain commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__doctor__subcmd__help_commands] )) ||
_boxsync__subcmd__doctor__subcmd__help_commands() {
    local commands; commands=(
'explain:Tells at length what a code means and what to do; lists all codes' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync doctor help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__doctor__subcmd__help__subcmd__explain_commands] )) ||
_boxsync__subcmd__doctor__subcmd__help__subcmd__explain_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync doctor help explain commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__doctor__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__doctor__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync doctor help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__enroll_commands] )) ||
_boxsync__subcmd__enroll_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync enroll commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__entities_commands] )) ||
_boxsync__subcmd__entities_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync entities commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help_commands] )) ||
_boxsync__subcmd__help_commands() {
    local commands; commands=(
'run:The daemon\: synchronizes at boot, at intervals and when asked' \
'sync:One synchronization now' \
'status:Whether the box is ready for the exam, on one screen' \
'doctor:What is wrong, and the one thing to do' \
'history:Past synchronizations, newest first' \
'speed:Measures the link to central now, each way' \
'stats:The link over time, and what the coming night can carry' \
'watch:The events of the box as they come, a line each, until the service ends' \
'entities:What the catalogue holds' \
'packages:Test packages' \
'pause:Lets no package come for a time; results and the catalogue go on' \
'resume:Ends a pause, a rate and \`packages first\`\: packages come as they are configured to' \
'rate:The rate at which packages come at most, in place of \`max_rate\`' \
'results:What the box owes to central\: results, logs, sessions' \
'enroll:Trades a sync manager'\''s login for credentials of this box' \
'organisation:The organisations that the box is enrolled for' \
'credentials:Credentials that were made on central' \
'identity:Who this box is' \
'config:The configuration' \
'clock:What time it is to this box, and how it knows' \
'key:The key of the data at rest' \
'site:What the boxes of an organisation share\: the key that everything is sealed with that leaves a box' \
'carry:Catalogue and packages on a stick, sealed with the site key, for boxes without a link' \
'update:Which image is offered, and whether it may be installed or booted now' \
'wipe:Destroys the key and the data; asks twice' \
'completions:Shell completions on stdout' \
'man:A manual page on stdout (roff)' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__carry_commands] )) ||
_boxsync__subcmd__help__subcmd__carry_commands() {
    local commands; commands=(
'export:Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again' \
'import:Takes catalogue and packages from a folder\: a synchronization that is answered by it and not by central' \
'show:From which box, of when and whether whole\: everything is read and opened' \
    )
    _describe -t commands 'boxsync help carry commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__carry__subcmd__export_commands] )) ||
_boxsync__subcmd__help__subcmd__carry__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help carry export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__carry__subcmd__import_commands] )) ||
_boxsync__subcmd__help__subcmd__carry__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help carry import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__carry__subcmd__show_commands] )) ||
_boxsync__subcmd__help__subcmd__carry__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help carry show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__clock_commands] )) ||
_boxsync__subcmd__help__subcmd__clock_commands() {
    local commands; commands=(
'show:The time of this box, the bound that certificates are judged by, and the system clock' \
'accept:Takes as right what central said last, or the system clock where central said nothing else' \
    )
    _describe -t commands 'boxsync help clock commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__clock__subcmd__accept_commands] )) ||
_boxsync__subcmd__help__subcmd__clock__subcmd__accept_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help clock accept commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__clock__subcmd__show_commands] )) ||
_boxsync__subcmd__help__subcmd__clock__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help clock show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__completions_commands] )) ||
_boxsync__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help completions commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__config_commands] )) ||
_boxsync__subcmd__help__subcmd__config_commands() {
    local commands; commands=(
'check:Reads it and tells what is wrong' \
'show:Prints what is in force, and where each value comes from' \
'defaults:Prints every key with its meaning and its default' \
    )
    _describe -t commands 'boxsync help config commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__config__subcmd__check_commands] )) ||
_boxsync__subcmd__help__subcmd__config__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help config check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__config__subcmd__defaults_commands] )) ||
_boxsync__subcmd__help__subcmd__config__subcmd__defaults_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help config defaults commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__config__subcmd__show_commands] )) ||
_boxsync__subcmd__help__subcmd__config__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help config show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__credentials_commands] )) ||
_boxsync__subcmd__help__subcmd__credentials_commands() {
    local commands; commands=(
'import:Stores credentials made on central (\`GenerateOauthCredentials\`)' \
    )
    _describe -t commands 'boxsync help credentials commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__credentials__subcmd__import_commands] )) ||
_boxsync__subcmd__help__subcmd__credentials__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help credentials import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__doctor_commands] )) ||
_boxsync__subcmd__help__subcmd__doctor_commands() {
    local commands; commands=(
'explain:Tells at length what a code means and what to do; lists all codes' \
    )
    _describe -t commands 'boxsync help doctor commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__doctor__subcmd__explain_commands] )) ||
_boxsync__subcmd__help__subcmd__doctor__subcmd__explain_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help doctor explain commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__enroll_commands] )) ||
_boxsync__subcmd__help__subcmd__enroll_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help enroll commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__entities_commands] )) ||
_boxsync__subcmd__help__subcmd__entities_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help entities commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__history_commands] )) ||
_boxsync__subcmd__help__subcmd__history_commands() {
    local commands; commands=(
'show:One of them as a tree, as central shows its report of it' \
'diff:What changed\: in the last one, or in all since a time' \
    )
    _describe -t commands 'boxsync help history commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__history__subcmd__diff_commands] )) ||
_boxsync__subcmd__help__subcmd__history__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help history diff commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__history__subcmd__show_commands] )) ||
_boxsync__subcmd__help__subcmd__history__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help history show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__identity_commands] )) ||
_boxsync__subcmd__help__subcmd__identity_commands() {
    local commands; commands=(
'gateway:Credentials and commands that point a TAO on this box at boxsync. Prints a secret' \
    )
    _describe -t commands 'boxsync help identity commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__identity__subcmd__gateway_commands] )) ||
_boxsync__subcmd__help__subcmd__identity__subcmd__gateway_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help identity gateway commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__key_commands] )) ||
_boxsync__subcmd__help__subcmd__key_commands() {
    local commands; commands=(
'rotate:Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again' \
    )
    _describe -t commands 'boxsync help key commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__key__subcmd__rotate_commands] )) ||
_boxsync__subcmd__help__subcmd__key__subcmd__rotate_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help key rotate commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__man_commands] )) ||
_boxsync__subcmd__help__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help man commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__organisation_commands] )) ||
_boxsync__subcmd__help__subcmd__organisation_commands() {
    local commands; commands=(
'list:Which there are, whether each is enrolled, and what is to go home for it' \
'remove:Takes one away that was added\: its credentials, catalogue and history' \
    )
    _describe -t commands 'boxsync help organisation commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__organisation__subcmd__list_commands] )) ||
_boxsync__subcmd__help__subcmd__organisation__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help organisation list commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__organisation__subcmd__remove_commands] )) ||
_boxsync__subcmd__help__subcmd__organisation__subcmd__remove_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help organisation remove commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__packages_commands] )) ||
_boxsync__subcmd__help__subcmd__packages_commands() {
    local commands; commands=(
'verify:Checks every member of every package held; a damaged one is fetched again by the next run' \
'first:Brings the package of one delivery before the others' \
'export:Writes a package in clear' \
    )
    _describe -t commands 'boxsync help packages commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__packages__subcmd__export_commands] )) ||
_boxsync__subcmd__help__subcmd__packages__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help packages export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__packages__subcmd__first_commands] )) ||
_boxsync__subcmd__help__subcmd__packages__subcmd__first_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help packages first commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__packages__subcmd__verify_commands] )) ||
_boxsync__subcmd__help__subcmd__packages__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help packages verify commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__pause_commands] )) ||
_boxsync__subcmd__help__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help pause commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__rate_commands] )) ||
_boxsync__subcmd__help__subcmd__rate_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help rate commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results_commands] )) ||
_boxsync__subcmd__help__subcmd__results_commands() {
    local commands; commands=(
'submit:Lets in what candidates did; durable when this returns' \
'retry:Tries again what was refused, is unconfirmed or waits; what was set aside when it is named' \
'set-aside:Keeps items out of the way\: not sent, and without a say in the verdict, until \`retry\` names them' \
'release:Sends what is held although central has another key than it was encrypted with' \
'receipt:What a person can show of items\: when each was accepted, size, SHA-256, state, where it lies' \
'adopt:Takes over what a lost box left as second copies\: central is asked about each before it is sent' \
'export:Writes an item in clear to a new file, after asking' \
'export-tao:Hands results over in a zip that central'\''s own import takes; the box asks for them and sends them no more' \
'confirm:Says that central has what was handed over, after asking twice' \
'reclaim:Has the box send again what was handed over and central says that it does not have' \
    )
    _describe -t commands 'boxsync help results commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__adopt_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__adopt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results adopt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__confirm_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__confirm_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results confirm commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__export_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__export-tao_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__export-tao_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results export-tao commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__receipt_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__receipt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results receipt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__reclaim_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__reclaim_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results reclaim commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__release_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__release_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results release commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__retry_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results retry commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__set-aside_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__set-aside_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results set-aside commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__results__subcmd__submit_commands] )) ||
_boxsync__subcmd__help__subcmd__results__subcmd__submit_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help results submit commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__resume_commands] )) ||
_boxsync__subcmd__help__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help resume commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__run_commands] )) ||
_boxsync__subcmd__help__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help run commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__site_commands] )) ||
_boxsync__subcmd__help__subcmd__site_commands() {
    local commands; commands=(
'key:Its fingerprint; or makes one, or takes that of another box' \
'status:Asks each box of \`peers\` in section \[site\] how it stands' \
    )
    _describe -t commands 'boxsync help site commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__site__subcmd__key_commands] )) ||
_boxsync__subcmd__help__subcmd__site__subcmd__key_commands() {
    local commands; commands=(
'new:Makes a key in a new file' \
'import:Takes the key of another box; those before stay, so that what they sealed can be read' \
    )
    _describe -t commands 'boxsync help site key commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__site__subcmd__key__subcmd__import_commands] )) ||
_boxsync__subcmd__help__subcmd__site__subcmd__key__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help site key import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__site__subcmd__key__subcmd__new_commands] )) ||
_boxsync__subcmd__help__subcmd__site__subcmd__key__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help site key new commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__site__subcmd__status_commands] )) ||
_boxsync__subcmd__help__subcmd__site__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help site status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__speed_commands] )) ||
_boxsync__subcmd__help__subcmd__speed_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help speed commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__stats_commands] )) ||
_boxsync__subcmd__help__subcmd__stats_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help stats commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__status_commands] )) ||
_boxsync__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__sync_commands] )) ||
_boxsync__subcmd__help__subcmd__sync_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help sync commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__update_commands] )) ||
_boxsync__subcmd__help__subcmd__update_commands() {
    local commands; commands=(
'check:Asks the source what it offers, and says whether that may be installed or booted now' \
'install:Brings what is offered, and installs and boots it as soon as nothing holds it back' \
'health:Whether the image that runs has shown that it works, since it was booted' \
'status:What runs and what is installed; asks nobody' \
    )
    _describe -t commands 'boxsync help update commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__update__subcmd__check_commands] )) ||
_boxsync__subcmd__help__subcmd__update__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help update check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__update__subcmd__health_commands] )) ||
_boxsync__subcmd__help__subcmd__update__subcmd__health_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help update health commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__update__subcmd__install_commands] )) ||
_boxsync__subcmd__help__subcmd__update__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help update install commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__update__subcmd__status_commands] )) ||
_boxsync__subcmd__help__subcmd__update__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help update status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__watch_commands] )) ||
_boxsync__subcmd__help__subcmd__watch_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help watch commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__help__subcmd__wipe_commands] )) ||
_boxsync__subcmd__help__subcmd__wipe_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync help wipe commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history_commands] )) ||
_boxsync__subcmd__history_commands() {
    local commands; commands=(
'show:One of them as a tree, as central shows its report of it' \
'diff:What changed\: in the last one, or in all since a time' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync history commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__diff_commands] )) ||
_boxsync__subcmd__history__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync history diff commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__help_commands] )) ||
_boxsync__subcmd__history__subcmd__help_commands() {
    local commands; commands=(
'show:One of them as a tree, as central shows its report of it' \
'diff:What changed\: in the last one, or in all since a time' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync history help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__help__subcmd__diff_commands] )) ||
_boxsync__subcmd__history__subcmd__help__subcmd__diff_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync history help diff commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__history__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync history help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__help__subcmd__show_commands] )) ||
_boxsync__subcmd__history__subcmd__help__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync history help show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__history__subcmd__show_commands] )) ||
_boxsync__subcmd__history__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync history show commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__identity_commands] )) ||
_boxsync__subcmd__identity_commands() {
    local commands; commands=(
'gateway:Credentials and commands that point a TAO on this box at boxsync. Prints a secret' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync identity commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__identity__subcmd__gateway_commands] )) ||
_boxsync__subcmd__identity__subcmd__gateway_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync identity gateway commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__identity__subcmd__help_commands] )) ||
_boxsync__subcmd__identity__subcmd__help_commands() {
    local commands; commands=(
'gateway:Credentials and commands that point a TAO on this box at boxsync. Prints a secret' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync identity help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__identity__subcmd__help__subcmd__gateway_commands] )) ||
_boxsync__subcmd__identity__subcmd__help__subcmd__gateway_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync identity help gateway commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__identity__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__identity__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync identity help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__key_commands] )) ||
_boxsync__subcmd__key_commands() {
    local commands; commands=(
'rotate:Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync key commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__key__subcmd__help_commands] )) ||
_boxsync__subcmd__key__subcmd__help_commands() {
    local commands; commands=(
'rotate:Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync key help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__key__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__key__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync key help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__key__subcmd__help__subcmd__rotate_commands] )) ||
_boxsync__subcmd__key__subcmd__help__subcmd__rotate_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync key help rotate commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__key__subcmd__rotate_commands] )) ||
_boxsync__subcmd__key__subcmd__rotate_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync key rotate commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__man_commands] )) ||
_boxsync__subcmd__man_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync man commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation_commands] )) ||
_boxsync__subcmd__organisation_commands() {
    local commands; commands=(
'list:Which there are, whether each is enrolled, and what is to go home for it' \
'remove:Takes one away that was added\: its credentials, catalogue and history' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync organisation commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__help_commands] )) ||
_boxsync__subcmd__organisation__subcmd__help_commands() {
    local commands; commands=(
'list:Which there are, whether each is enrolled, and what is to go home for it' \
'remove:Takes one away that was added\: its credentials, catalogue and history' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync organisation help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__organisation__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync organisation help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__help__subcmd__list_commands] )) ||
_boxsync__subcmd__organisation__subcmd__help__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync organisation help list commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__help__subcmd__remove_commands] )) ||
_boxsync__subcmd__organisation__subcmd__help__subcmd__remove_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync organisation help remove commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__list_commands] )) ||
_boxsync__subcmd__organisation__subcmd__list_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync organisation list commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__organisation__subcmd__remove_commands] )) ||
_boxsync__subcmd__organisation__subcmd__remove_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync organisation remove commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages_commands] )) ||
_boxsync__subcmd__packages_commands() {
    local commands; commands=(
'verify:Checks every member of every package held; a damaged one is fetched again by the next run' \
'first:Brings the package of one delivery before the others' \
'export:Writes a package in clear' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync packages commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__export_commands] )) ||
_boxsync__subcmd__packages__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__first_commands] )) ||
_boxsync__subcmd__packages__subcmd__first_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages first commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__help_commands] )) ||
_boxsync__subcmd__packages__subcmd__help_commands() {
    local commands; commands=(
'verify:Checks every member of every package held; a damaged one is fetched again by the next run' \
'first:Brings the package of one delivery before the others' \
'export:Writes a package in clear' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync packages help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__help__subcmd__export_commands] )) ||
_boxsync__subcmd__packages__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages help export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__help__subcmd__first_commands] )) ||
_boxsync__subcmd__packages__subcmd__help__subcmd__first_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages help first commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__packages__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__help__subcmd__verify_commands] )) ||
_boxsync__subcmd__packages__subcmd__help__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages help verify commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__packages__subcmd__verify_commands] )) ||
_boxsync__subcmd__packages__subcmd__verify_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync packages verify commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__pause_commands] )) ||
_boxsync__subcmd__pause_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync pause commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__rate_commands] )) ||
_boxsync__subcmd__rate_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync rate commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results_commands] )) ||
_boxsync__subcmd__results_commands() {
    local commands; commands=(
'submit:Lets in what candidates did; durable when this returns' \
'retry:Tries again what was refused, is unconfirmed or waits; what was set aside when it is named' \
'set-aside:Keeps items out of the way\: not sent, and without a say in the verdict, until \`retry\` names them' \
'release:Sends what is held although central has another key than it was encrypted with' \
'receipt:What a person can show of items\: when each was accepted, size, SHA-256, state, where it lies' \
'adopt:Takes over what a lost box left as second copies\: central is asked about each before it is sent' \
'export:Writes an item in clear to a new file, after asking' \
'export-tao:Hands results over in a zip that central'\''s own import takes; the box asks for them and sends them no more' \
'confirm:Says that central has what was handed over, after asking twice' \
'reclaim:Has the box send again what was handed over and central says that it does not have' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync results commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__adopt_commands] )) ||
_boxsync__subcmd__results__subcmd__adopt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results adopt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__confirm_commands] )) ||
_boxsync__subcmd__results__subcmd__confirm_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results confirm commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__export_commands] )) ||
_boxsync__subcmd__results__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__export-tao_commands] )) ||
_boxsync__subcmd__results__subcmd__export-tao_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results export-tao commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help_commands] )) ||
_boxsync__subcmd__results__subcmd__help_commands() {
    local commands; commands=(
'submit:Lets in what candidates did; durable when this returns' \
'retry:Tries again what was refused, is unconfirmed or waits; what was set aside when it is named' \
'set-aside:Keeps items out of the way\: not sent, and without a say in the verdict, until \`retry\` names them' \
'release:Sends what is held although central has another key than it was encrypted with' \
'receipt:What a person can show of items\: when each was accepted, size, SHA-256, state, where it lies' \
'adopt:Takes over what a lost box left as second copies\: central is asked about each before it is sent' \
'export:Writes an item in clear to a new file, after asking' \
'export-tao:Hands results over in a zip that central'\''s own import takes; the box asks for them and sends them no more' \
'confirm:Says that central has what was handed over, after asking twice' \
'reclaim:Has the box send again what was handed over and central says that it does not have' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync results help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__adopt_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__adopt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help adopt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__confirm_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__confirm_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help confirm commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__export_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__export_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help export commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__export-tao_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__export-tao_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help export-tao commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__receipt_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__receipt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help receipt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__reclaim_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__reclaim_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help reclaim commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__release_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__release_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help release commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__retry_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help retry commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__set-aside_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__set-aside_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help set-aside commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__help__subcmd__submit_commands] )) ||
_boxsync__subcmd__results__subcmd__help__subcmd__submit_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results help submit commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__receipt_commands] )) ||
_boxsync__subcmd__results__subcmd__receipt_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results receipt commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__reclaim_commands] )) ||
_boxsync__subcmd__results__subcmd__reclaim_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results reclaim commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__release_commands] )) ||
_boxsync__subcmd__results__subcmd__release_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results release commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__retry_commands] )) ||
_boxsync__subcmd__results__subcmd__retry_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results retry commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__set-aside_commands] )) ||
_boxsync__subcmd__results__subcmd__set-aside_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results set-aside commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__results__subcmd__submit_commands] )) ||
_boxsync__subcmd__results__subcmd__submit_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync results submit commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__resume_commands] )) ||
_boxsync__subcmd__resume_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync resume commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__run_commands] )) ||
_boxsync__subcmd__run_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync run commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site_commands] )) ||
_boxsync__subcmd__site_commands() {
    local commands; commands=(
'key:Its fingerprint; or makes one, or takes that of another box' \
'status:Asks each box of \`peers\` in section \[site\] how it stands' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync site commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help_commands] )) ||
_boxsync__subcmd__site__subcmd__help_commands() {
    local commands; commands=(
'key:Its fingerprint; or makes one, or takes that of another box' \
'status:Asks each box of \`peers\` in section \[site\] how it stands' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync site help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__site__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help__subcmd__key_commands] )) ||
_boxsync__subcmd__site__subcmd__help__subcmd__key_commands() {
    local commands; commands=(
'new:Makes a key in a new file' \
'import:Takes the key of another box; those before stay, so that what they sealed can be read' \
    )
    _describe -t commands 'boxsync site help key commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help__subcmd__key__subcmd__import_commands] )) ||
_boxsync__subcmd__site__subcmd__help__subcmd__key__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site help key import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help__subcmd__key__subcmd__new_commands] )) ||
_boxsync__subcmd__site__subcmd__help__subcmd__key__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site help key new commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__help__subcmd__status_commands] )) ||
_boxsync__subcmd__site__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site help status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key_commands] )) ||
_boxsync__subcmd__site__subcmd__key_commands() {
    local commands; commands=(
'new:Makes a key in a new file' \
'import:Takes the key of another box; those before stay, so that what they sealed can be read' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync site key commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__help_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__help_commands() {
    local commands; commands=(
'new:Makes a key in a new file' \
'import:Takes the key of another box; those before stay, so that what they sealed can be read' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync site key help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site key help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__import_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site key help import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__new_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__help__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site key help new commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__import_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__import_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site key import commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__key__subcmd__new_commands] )) ||
_boxsync__subcmd__site__subcmd__key__subcmd__new_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site key new commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__site__subcmd__status_commands] )) ||
_boxsync__subcmd__site__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync site status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__speed_commands] )) ||
_boxsync__subcmd__speed_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync speed commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__stats_commands] )) ||
_boxsync__subcmd__stats_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync stats commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__status_commands] )) ||
_boxsync__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__sync_commands] )) ||
_boxsync__subcmd__sync_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync sync commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update_commands] )) ||
_boxsync__subcmd__update_commands() {
    local commands; commands=(
'check:Asks the source what it offers, and says whether that may be installed or booted now' \
'install:Brings what is offered, and installs and boots it as soon as nothing holds it back' \
'health:Whether the image that runs has shown that it works, since it was booted' \
'status:What runs and what is installed; asks nobody' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync update commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__check_commands] )) ||
_boxsync__subcmd__update__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__health_commands] )) ||
_boxsync__subcmd__update__subcmd__health_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update health commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help_commands] )) ||
_boxsync__subcmd__update__subcmd__help_commands() {
    local commands; commands=(
'check:Asks the source what it offers, and says whether that may be installed or booted now' \
'install:Brings what is offered, and installs and boots it as soon as nothing holds it back' \
'health:Whether the image that runs has shown that it works, since it was booted' \
'status:What runs and what is installed; asks nobody' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'boxsync update help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help__subcmd__check_commands] )) ||
_boxsync__subcmd__update__subcmd__help__subcmd__check_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update help check commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help__subcmd__health_commands] )) ||
_boxsync__subcmd__update__subcmd__help__subcmd__health_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update help health commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help__subcmd__help_commands] )) ||
_boxsync__subcmd__update__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update help help commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help__subcmd__install_commands] )) ||
_boxsync__subcmd__update__subcmd__help__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update help install commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__help__subcmd__status_commands] )) ||
_boxsync__subcmd__update__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update help status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__install_commands] )) ||
_boxsync__subcmd__update__subcmd__install_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update install commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__update__subcmd__status_commands] )) ||
_boxsync__subcmd__update__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync update status commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__watch_commands] )) ||
_boxsync__subcmd__watch_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync watch commands' commands "$@"
}
(( $+functions[_boxsync__subcmd__wipe_commands] )) ||
_boxsync__subcmd__wipe_commands() {
    local commands; commands=()
    _describe -t commands 'boxsync wipe commands' commands "$@"
}

if [ "$funcstack[1]" = "_boxsync" ]; then
    _boxsync "$@"
else
    compdef _boxsync boxsync
fi
