# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_boxsync_global_optspecs
    string join \n root= json h/help V/version
end

function __fish_boxsync_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_boxsync_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_boxsync_using_subcommand
    set -l cmd (__fish_boxsync_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c boxsync -n "__fish_boxsync_needs_command" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_needs_command" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_needs_command" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_needs_command" -s V -l version -d 'Print version'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "run" -d 'The daemon: synchronizes at boot, at intervals and when asked'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "sync" -d 'One synchronization now'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "status" -d 'Whether the box is ready for the exam, on one screen'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "doctor" -d 'What is wrong, and the one thing to do'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "history" -d 'Past synchronizations, newest first'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "speed" -d 'Measures the link to central now, each way'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "stats" -d 'The link over time, and what the coming night can carry'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "watch" -d 'The events of the box as they come, a line each, until the service ends'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "entities" -d 'What the catalogue holds'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "packages" -d 'Test packages'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "pause" -d 'Lets no package come for a time; results and the catalogue go on'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "resume" -d 'Ends a pause, a rate and `packages first`: packages come as they are configured to'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "rate" -d 'The rate at which packages come at most, in place of `max_rate`'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "results" -d 'What the box owes to central: results, logs, sessions'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "enroll" -d 'Trades a sync manager\'s login for credentials of this box'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "organisation" -d 'The organisations that the box is enrolled for'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "credentials" -d 'Credentials that were made on central'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "identity" -d 'Who this box is'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "config" -d 'The configuration'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "clock" -d 'What time it is to this box, and how it knows'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "key" -d 'The key of the data at rest'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "site" -d 'What the boxes of an organisation share: the key that everything is sealed with that leaves a box'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "carry" -d 'Catalogue and packages on a stick, sealed with the site key, for boxes without a link'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "update" -d 'Which image is offered, and whether it may be installed or booted now'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "wipe" -d 'Destroys the key and the data; asks twice'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "completions" -d 'Shell completions on stdout'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "man" -d 'A manual page on stdout (roff)'
complete -c boxsync -n "__fish_boxsync_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand run" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand run" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand run" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l type -d 'Only this type; may be given several times' -r -f -a "test-center\t''
administrator\t''
proctor\t''
test-taker\t''
eligibility\t''
delivery\t''"
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l yes -d 'Do not ask before --terminate: the number of executions under way, typed here' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l data -d 'Only catalogue and packages'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l results -d 'Only what the box owes: results, logs, sessions'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l logs -d 'Only delivery logs; --sessions, --data or --type may stand beside it'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l sessions -d 'Only test sessions; so may --logs, --data or --type'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l allow-deletes -d 'Delete what central no longer names, however much it is'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l now -d 'Bring packages at once, also outside of the download windows'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l dry-run -d 'Only say what would be done: nothing is changed, and nothing is sent'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l terminate -d 'First have the delivery engines end what is being sat; asks twice'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l no-wait -d 'Do not wait for packages: they go on by themselves where the daemon runs'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand sync" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand status" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand status" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand status" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand status" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -l bundle -d 'Also write a support bundle: everything a supporter needs, no secret, no name' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -l offline -d 'Speak to nobody: look at the box alone'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -l deep -d 'Read and check every byte of every package; takes minutes'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -f -a "explain" -d 'Tells at length what a code means and what to do; lists all codes'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and not __fish_seen_subcommand_from explain help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from explain" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from explain" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Tells at length what a code means and what to do; lists all codes'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -l limit -d 'At most so many' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -f -a "show" -d 'One of them as a tree, as central shows its report of it'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -f -a "diff" -d 'What changed: in the last one, or in all since a time'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and not __fish_seen_subcommand_from show diff help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from show" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from show" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from diff" -l since -d 'All that ended within this time: 1d is since yesterday at this hour' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from diff" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from diff" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "show" -d 'One of them as a tree, as central shows its report of it'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "diff" -d 'What changed: in the last one, or in all since a time'
complete -c boxsync -n "__fish_boxsync_using_subcommand history; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand speed" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand speed" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand speed" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand stats" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand stats" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand stats" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand watch" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand watch" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand watch" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -l id -d 'Only the entity with this URI' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -l hidden -d 'What is not shown, since central no longer names it, and comes back when it does'
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -f -a "verify" -d 'Checks every member of every package held; a damaged one is fetched again by the next run'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -f -a "first" -d 'Brings the package of one delivery before the others'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -f -a "export" -d 'Writes a package in clear'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and not __fish_seen_subcommand_from verify first export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from verify" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from verify" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from first" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from first" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from first" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from export" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from export" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Checks every member of every package held; a damaged one is fetched again by the next run'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from help" -f -a "first" -d 'Brings the package of one delivery before the others'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes a package in clear'
complete -c boxsync -n "__fish_boxsync_using_subcommand packages; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand pause" -l for -d 'So long, 24h at most' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand pause" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand pause" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand pause" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand resume" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand resume" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand resume" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand rate" -l for -d 'So long' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand rate" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand rate" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand rate" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "submit" -d 'Lets in what candidates did; durable when this returns'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "retry" -d 'Tries again what was refused, is unconfirmed or waits; what was set aside when it is named'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "set-aside" -d 'Keeps items out of the way: not sent, and without a say in the verdict, until `retry` names them'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "release" -d 'Sends what is held although central has another key than it was encrypted with'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "receipt" -d 'What a person can show of items: when each was accepted, size, SHA-256, state, where it lies'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "adopt" -d 'Takes over what a lost box left as second copies: central is asked about each before it is sent'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "export" -d 'Writes an item in clear to a new file, after asking'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "export-tao" -d 'Hands results over in a zip that central\'s own import takes; the box asks for them and sends them no more'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "confirm" -d 'Says that central has what was handed over, after asking twice'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "reclaim" -d 'Has the box send again what was handed over and central says that it does not have'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and not __fish_seen_subcommand_from submit retry set-aside release receipt adopt export export-tao confirm reclaim help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from submit" -l kind -d 'results, logs, sessions or lti-users' -r -f -a "results\t''
logs\t''
sessions\t''
lti-users\t''"
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from submit" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from submit" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from submit" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from retry" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from retry" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from set-aside" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from set-aside" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from set-aside" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from release" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from release" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from receipt" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from receipt" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from receipt" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -l box -d 'Only what this box left' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -l force -d 'Also of a box that was heard of within a day, when it is the only such one or named'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -l look -d 'Only show what is there'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from adopt" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export" -l yes -d 'Do not ask'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l organisation -d 'Of this organisation, on a box of several' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l most -d 'So many results in the file, where central takes no larger one' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l again -d 'Also what was handed over before: its file is lost'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l dry-run -d 'Says what would go, and writes nothing'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l yes -d 'Do not ask'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from export-tao" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from confirm" -l all-of -d 'All that lies in this file' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from confirm" -l yes -d 'Do not ask: so many that central could not be asked about' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from confirm" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from confirm" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from confirm" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from reclaim" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from reclaim" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from reclaim" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "submit" -d 'Lets in what candidates did; durable when this returns'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Tries again what was refused, is unconfirmed or waits; what was set aside when it is named'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "set-aside" -d 'Keeps items out of the way: not sent, and without a say in the verdict, until `retry` names them'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "release" -d 'Sends what is held although central has another key than it was encrypted with'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "receipt" -d 'What a person can show of items: when each was accepted, size, SHA-256, state, where it lies'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "adopt" -d 'Takes over what a lost box left as second copies: central is asked about each before it is sent'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes an item in clear to a new file, after asking'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "export-tao" -d 'Hands results over in a zip that central\'s own import takes; the box asks for them and sends them no more'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "confirm" -d 'Says that central has what was handed over, after asking twice'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "reclaim" -d 'Has the box send again what was handed over and central says that it does not have'
complete -c boxsync -n "__fish_boxsync_using_subcommand results; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l login -d 'Login of the sync manager' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l password-file -d 'File whose first line is the password; `-` reads standard input' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l organisation -d 'Which organisation they are for, where the sync manager has several' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l add -d 'Add an organisation to those of the box'
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand enroll" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -f -a "list" -d 'Which there are, whether each is enrolled, and what is to go home for it'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -f -a "remove" -d 'Takes one away that was added: its credentials, catalogue and history'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and not __fish_seen_subcommand_from list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from list" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from list" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from remove" -l owed -d 'So many items are still to go home for it; they go with the credentials of the first' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from remove" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from remove" -l yes -d 'Do not ask'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from remove" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from help" -f -a "list" -d 'Which there are, whether each is enrolled, and what is to go home for it'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Takes one away that was added: its credentials, catalogue and history'
complete -c boxsync -n "__fish_boxsync_using_subcommand organisation; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and not __fish_seen_subcommand_from import help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and not __fish_seen_subcommand_from import help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and not __fish_seen_subcommand_from import help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and not __fish_seen_subcommand_from import help" -f -a "import" -d 'Stores credentials made on central (`GenerateOauthCredentials`)'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and not __fish_seen_subcommand_from import help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l key -d 'OAuth client id: 32 hex digits' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l secret-file -d 'File whose first line is the client secret; `-` reads standard input' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l token-url -d 'Where tokens are asked for, as central printed it' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l organisation -d 'Which organisation they are for, where the sync manager has several' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l untried -d 'Replace credentials also when central cannot be reached to try the new ones'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l add -d 'Add an organisation to those of the box'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from help" -f -a "import" -d 'Stores credentials made on central (`GenerateOauthCredentials`)'
complete -c boxsync -n "__fish_boxsync_using_subcommand credentials; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and not __fish_seen_subcommand_from gateway help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and not __fish_seen_subcommand_from gateway help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and not __fish_seen_subcommand_from gateway help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and not __fish_seen_subcommand_from gateway help" -f -a "gateway" -d 'Credentials and commands that point a TAO on this box at boxsync. Prints a secret'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and not __fish_seen_subcommand_from gateway help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and __fish_seen_subcommand_from gateway" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and __fish_seen_subcommand_from gateway" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and __fish_seen_subcommand_from gateway" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "gateway" -d 'Credentials and commands that point a TAO on this box at boxsync. Prints a secret'
complete -c boxsync -n "__fish_boxsync_using_subcommand identity; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -f -a "check" -d 'Reads it and tells what is wrong'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -f -a "show" -d 'Prints what is in force, and where each value comes from'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -f -a "defaults" -d 'Prints every key with its meaning and its default'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and not __fish_seen_subcommand_from check show defaults help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from check" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from show" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from defaults" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from defaults" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from defaults" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Reads it and tells what is wrong'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Prints what is in force, and where each value comes from'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "defaults" -d 'Prints every key with its meaning and its default'
complete -c boxsync -n "__fish_boxsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "show" -d 'The time of this box, the bound that certificates are judged by, and the system clock'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "accept" -d 'Takes as right what central said last, or the system clock where central said nothing else'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and not __fish_seen_subcommand_from show accept help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from show" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from show" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from accept" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from accept" -l system -d 'The system clock, whatever central said'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from accept" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from accept" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "show" -d 'The time of this box, the bound that certificates are judged by, and the system clock'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "accept" -d 'Takes as right what central said last, or the system clock where central said nothing else'
complete -c boxsync -n "__fish_boxsync_using_subcommand clock; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and not __fish_seen_subcommand_from rotate help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and not __fish_seen_subcommand_from rotate help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and not __fish_seen_subcommand_from rotate help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and not __fish_seen_subcommand_from rotate help" -f -a "rotate" -d 'Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and not __fish_seen_subcommand_from rotate help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and __fish_seen_subcommand_from rotate" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and __fish_seen_subcommand_from rotate" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and __fish_seen_subcommand_from rotate" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "rotate" -d 'Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again'
complete -c boxsync -n "__fish_boxsync_using_subcommand key; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -f -a "key" -d 'Its fingerprint; or makes one, or takes that of another box'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -f -a "status" -d 'Asks each box of `peers` in section [site] how it stands'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and not __fish_seen_subcommand_from key status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -f -a "new" -d 'Makes a key in a new file'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -f -a "import" -d 'Takes the key of another box; those before stay, so that what they sealed can be read'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from key" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from status" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from status" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from help" -f -a "key" -d 'Its fingerprint; or makes one, or takes that of another box'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from help" -f -a "status" -d 'Asks each box of `peers` in section [site] how it stands'
complete -c boxsync -n "__fish_boxsync_using_subcommand site; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -f -a "export" -d 'Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -f -a "import" -d 'Takes catalogue and packages from a folder: a synchronization that is answered by it and not by central'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -f -a "show" -d 'From which box, of when and whether whole: everything is read and opened'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and not __fish_seen_subcommand_from export import show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l data -d 'Catalogue and packages; so also where nothing is said'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l results -d 'What is owed: it counts as handed over from then on, and the box that adopts it brings it home'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l again -d 'Also what was handed over before: its stick is lost'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l older -d 'Also in the place of newer data'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l dry-run -d 'Only say what would be done: nothing is changed'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l allow-deletes -d 'Delete what the data no longer names, however much it is'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l older -d 'Also data that is older than what the box has'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l results -d 'Only what the stick says of what this box handed over: what central has is acknowledged'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from show" -l organisation -d 'Only this organisation of the box; may be given several times' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from show" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from show" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from help" -f -a "export" -d 'Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from help" -f -a "import" -d 'Takes catalogue and packages from a folder: a synchronization that is answered by it and not by central'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from help" -f -a "show" -d 'From which box, of when and whether whole: everything is read and opened'
complete -c boxsync -n "__fish_boxsync_using_subcommand carry; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -f -a "check" -d 'Asks the source what it offers, and says whether that may be installed or booted now'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -f -a "install" -d 'Brings what is offered, and installs and boots it as soon as nothing holds it back'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -f -a "health" -d 'Whether the image that runs has shown that it works, since it was booted'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -f -a "status" -d 'What runs and what is installed; asks nobody'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and not __fish_seen_subcommand_from check install health status help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from check" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from check" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from install" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from install" -l dry-run -d 'Only tells what would be done'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from install" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from health" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from health" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from health" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from status" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from status" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from help" -f -a "check" -d 'Asks the source what it offers, and says whether that may be installed or booted now'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from help" -f -a "install" -d 'Brings what is offered, and installs and boots it as soon as nothing holds it back'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from help" -f -a "health" -d 'Whether the image that runs has shown that it works, since it was booted'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from help" -f -a "status" -d 'What runs and what is installed; asks nobody'
complete -c boxsync -n "__fish_boxsync_using_subcommand update; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand wipe" -l yes -d 'Do not ask: the box id, typed here' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand wipe" -l discard-results -d 'Destroy also what central has not acknowledged: the number of these items' -r
complete -c boxsync -n "__fish_boxsync_using_subcommand wipe" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand wipe" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand wipe" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand completions" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand completions" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand completions" -s h -l help -d 'Print help'
complete -c boxsync -n "__fish_boxsync_using_subcommand man" -l root -d 'Everything lies below this folder' -r -F
complete -c boxsync -n "__fish_boxsync_using_subcommand man" -l json -d 'One JSON object a line on stdout, for machines'
complete -c boxsync -n "__fish_boxsync_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "run" -d 'The daemon: synchronizes at boot, at intervals and when asked'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "sync" -d 'One synchronization now'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "status" -d 'Whether the box is ready for the exam, on one screen'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "doctor" -d 'What is wrong, and the one thing to do'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "history" -d 'Past synchronizations, newest first'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "speed" -d 'Measures the link to central now, each way'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "stats" -d 'The link over time, and what the coming night can carry'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "watch" -d 'The events of the box as they come, a line each, until the service ends'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "entities" -d 'What the catalogue holds'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "packages" -d 'Test packages'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "pause" -d 'Lets no package come for a time; results and the catalogue go on'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "resume" -d 'Ends a pause, a rate and `packages first`: packages come as they are configured to'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "rate" -d 'The rate at which packages come at most, in place of `max_rate`'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "results" -d 'What the box owes to central: results, logs, sessions'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "enroll" -d 'Trades a sync manager\'s login for credentials of this box'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "organisation" -d 'The organisations that the box is enrolled for'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "credentials" -d 'Credentials that were made on central'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "identity" -d 'Who this box is'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "config" -d 'The configuration'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "clock" -d 'What time it is to this box, and how it knows'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "key" -d 'The key of the data at rest'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "site" -d 'What the boxes of an organisation share: the key that everything is sealed with that leaves a box'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "carry" -d 'Catalogue and packages on a stick, sealed with the site key, for boxes without a link'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "update" -d 'Which image is offered, and whether it may be installed or booted now'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "wipe" -d 'Destroys the key and the data; asks twice'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "completions" -d 'Shell completions on stdout'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "man" -d 'A manual page on stdout (roff)'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and not __fish_seen_subcommand_from run sync status doctor history speed stats watch entities packages pause resume rate results enroll organisation credentials identity config clock key site carry update wipe completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from doctor" -f -a "explain" -d 'Tells at length what a code means and what to do; lists all codes'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "show" -d 'One of them as a tree, as central shows its report of it'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from history" -f -a "diff" -d 'What changed: in the last one, or in all since a time'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from packages" -f -a "verify" -d 'Checks every member of every package held; a damaged one is fetched again by the next run'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from packages" -f -a "first" -d 'Brings the package of one delivery before the others'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from packages" -f -a "export" -d 'Writes a package in clear'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "submit" -d 'Lets in what candidates did; durable when this returns'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "retry" -d 'Tries again what was refused, is unconfirmed or waits; what was set aside when it is named'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "set-aside" -d 'Keeps items out of the way: not sent, and without a say in the verdict, until `retry` names them'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "release" -d 'Sends what is held although central has another key than it was encrypted with'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "receipt" -d 'What a person can show of items: when each was accepted, size, SHA-256, state, where it lies'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "adopt" -d 'Takes over what a lost box left as second copies: central is asked about each before it is sent'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "export" -d 'Writes an item in clear to a new file, after asking'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "export-tao" -d 'Hands results over in a zip that central\'s own import takes; the box asks for them and sends them no more'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "confirm" -d 'Says that central has what was handed over, after asking twice'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from results" -f -a "reclaim" -d 'Has the box send again what was handed over and central says that it does not have'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from organisation" -f -a "list" -d 'Which there are, whether each is enrolled, and what is to go home for it'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from organisation" -f -a "remove" -d 'Takes one away that was added: its credentials, catalogue and history'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from credentials" -f -a "import" -d 'Stores credentials made on central (`GenerateOauthCredentials`)'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from identity" -f -a "gateway" -d 'Credentials and commands that point a TAO on this box at boxsync. Prints a secret'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Reads it and tells what is wrong'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Prints what is in force, and where each value comes from'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "defaults" -d 'Prints every key with its meaning and its default'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from clock" -f -a "show" -d 'The time of this box, the bound that certificates are judged by, and the system clock'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from clock" -f -a "accept" -d 'Takes as right what central said last, or the system clock where central said nothing else'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from key" -f -a "rotate" -d 'Wraps the data key with a new envelope key; nothing is re-encrypted or fetched again'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from site" -f -a "key" -d 'Its fingerprint; or makes one, or takes that of another box'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from site" -f -a "status" -d 'Asks each box of `peers` in section [site] how it stands'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from carry" -f -a "export" -d 'Writes catalogue and packages to a folder, or what is owed, sealed; what lies there whole is not written again'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from carry" -f -a "import" -d 'Takes catalogue and packages from a folder: a synchronization that is answered by it and not by central'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from carry" -f -a "show" -d 'From which box, of when and whether whole: everything is read and opened'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from update" -f -a "check" -d 'Asks the source what it offers, and says whether that may be installed or booted now'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from update" -f -a "install" -d 'Brings what is offered, and installs and boots it as soon as nothing holds it back'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from update" -f -a "health" -d 'Whether the image that runs has shown that it works, since it was booted'
complete -c boxsync -n "__fish_boxsync_using_subcommand help; and __fish_seen_subcommand_from update" -f -a "status" -d 'What runs and what is installed; asks nobody'
complete -c boxsync -n "__fish_boxsync_using_subcommand doctor; and __fish_seen_subcommand_from explain" -f -a "ready config.read config.syntax config.unknown_key config.value config.file config.no_url config.plain_http config.no_organisation config.no_version config.ca_file config.proxy config.box_id config.tls config.textfile metrics.push update.no_source update.source update.image update.install update.failed update.impossible update.held input.file input.key input.token_url input.kind input.organisation input.wipe input.run input.terminate input.confirm wipe.owed input.usage input.code output.failed state.folder state.new state.newer state.version state.read_only state.owner state.io state.busy key.open key.wrong key.sealed key.malformed key.elsewhere disk.space disk.full disk.inodes disk.failing disk.reserve clock.skew clock.wrong clock.central clock.floor clock.unproven clock.behind unit.state unit.down unit.failed unit.masked unit.unusable unit.unreadable unit.restarts doctor.offline doctor.late bundle.secret net.link net.no_link net.address net.no_address net.no_route net.disabled net.gateway net.filtered net.family net.loss net.mtu net.dns net.connect net.refused net.unreachable net.proxy net.proxy_scheme net.tls net.tls_expired net.tls_not_yet net.tls_host net.tls_issuer net.tls_client net.tls_certificate net.tls_old net.tls_expiring net.token net.reset net.timeout net.cut net.stalled link.speed link.slow central.answer central.foreign central.maintenance central.php central.contradicts central.unavailable central.error central.rejected central.refused central.not_found central.too_long central.too_large central.compressed central.garbled central.token auth.token auth.not_enrolled auth.refused auth.untried auth.other_organisation auth.shared auth.password auth.not_sync_manager auth.role version.supported version.unsupported store.open store.failed store.rebuilt store.damaged catalogue.organisation catalogue.unknown_organisation catalogue.other_organisation catalogue.other_centre catalogue.complete catalogue.incomplete catalogue.empty catalogue.old catalogue.held_back catalogue.in_use catalogue.endless catalogue.checksum catalogue.entity catalogue.unknown_entity package.whole package.incomplete package.missing package.waiting package.damaged package.unsupported package.cache package.not_held package.edition package.unknown_member package.changed package.range package.empty package.length package.not_zip package.truncated package.directory package.multidisk package.too_large results.spool results.queued results.refused results.unconfirmed results.stuck sync.last sync.never sync.failed engine.worker intake.malformed intake.failed intake.too_long intake.long_text intake.call_id intake.unknown_entity intake.unknown_key intake.repeated_row input.export input.order central.sick central.encrypted central.key_missing central.encryption_role central.key_changed central.probe_stored results.copied results.not_stored results.rejected results.too_long results.unanswered results.doubt lti_users.unsupported results.unreadable results.quarantined results.unknown results.superseded result.refused result.unconfirmed site.no_key site.key_file site.listen site.unproven site.answer copies.missing copies.full copies.read_only copies.unproven copies.changed copies.alone adopt.alive adopt.changed adopt.none carry.full carry.medium carry.none carry.changed carry.older carry.unready carry.outdated carry.taken logs.queued logs.no_receipt logs.not_stored logs.rejected logs.too_long logs.unmapped logs.unreadable sessions.failed sessions.rejected identity.clone clone.found run.killed run.stopped answers.not_kept box.restored box.twice identity.damaged state.quarantined exam.not_terminated daemon.running daemon.gone daemon.silent daemon.newer daemon.stopping daemon.signals worker.died config.wrong api.denied api.role api.unknown_route api.method api.range api.request api.busy api.slow api.too_large feed.gone gateway.listen gateway.encryption page.listen sync.started sync.finished net.offline central.wish net.online package.held deletion.held_back ok stopping enrolled"
complete -c boxsync -n "__fish_boxsync_using_subcommand entities" -f -a "test-center administrator proctor test-taker eligibility delivery"
complete -c boxsync -n "__fish_boxsync_using_subcommand completions" -f -a "bash elvish fish powershell zsh"
complete -c boxsync -n "__fish_boxsync_using_subcommand man" -f -a "boxsync boxsync.toml boxsync-codes"
