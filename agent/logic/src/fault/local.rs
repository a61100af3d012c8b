//! Codes of the box itself: configuration, state folder, key, disk, clock, unit, input.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! local_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        Ready "ready" [Operator Failed Unknown => Ready]
            "the box is ready"
            "The catalogue is complete for the organisation of the box, every package is held, and nothing waits for \
         central. An exam can run without a network."
            "Nothing to do.";
        ConfigRead "config.read" [Operator Failed Unsent => ConfigWrong]
            "configuration"
            "boxsync.toml, the files of boxsync.d in the order of their names, and the variables BOXSYNC_* are read in \
         this order; later ones override earlier ones key by key."
            "See what is in force with `boxsync config show`.";
        ConfigSyntax "config.syntax" [Operator Failed Unsent => ConfigWrong]
            "the configuration is not TOML"
            "A configuration file cannot be read as TOML: a quote or a bracket is missing, or a line is cut. The place \
         is told as file and line. Nothing of that file is in force."
            "Mend the line that is named, then run `boxsync config check`.";
        ConfigUnknownKey "config.unknown_key" [Operator Failed Unsent => ConfigWrong]
            "the configuration has an unknown key"
            "A key, a section or a variable is not one of boxsync's. Mostly it is mistyped or stands in the wrong \
         section; the nearest known key is named."
            "Correct or remove the key that is named, then run `boxsync config check`.";
        ConfigValue "config.value" [Operator Failed Unsent => ConfigWrong]
            "a configured value cannot be used"
            "A key is known, but its value is not of the kind that the key takes. What was expected and an example are \
         told beside it."
            "Write the value as the example shows, then run `boxsync config check`.";
        ConfigFile "config.file" [Operator Failed Unsent => ConfigWrong]
            "a configured file cannot be read"
            "A file that the configuration names (CA certificates, a password) or a configuration file itself is \
         missing, empty, or not readable for the user that boxsync runs as."
            "Put the file that is named in place, readable for the user boxsync.";
        ConfigNoUrl "config.no_url" [Operator Failed Unsent => ConfigWrong]
            "no central server is configured"
            "Without the URL of central there is nobody to synchronize with."
            "Set `url` in section [central] of /etc/boxsync/boxsync.toml.";
        ConfigPlainHttp "config.plain_http" [Operator Failed Unsent => ConfigWrong]
            "central is reached over plain http"
            "The URL of central is http:// and its host is another machine: whoever is on the way reads the credentials, \
         the results and the exams, and nobody vouches for the time."
            "Write `url` in section [central] as https://, if central can be reached so.";
        ConfigNoOrganisation "config.no_organisation" [Operator Failed Unsent => ConfigWrong]
            "the organisation of the box is not known"
            "Central gives each organisation its own catalogue. The enrolment named none or several, so one has to be \
         configured."
            "Set `organisation_id` in section [box] of /etc/boxsync/boxsync.toml.";
        ConfigNoVersion "config.no_version" [Operator Failed Unsent => ConfigWrong]
            "the VM version of the box is not known"
            "Central answers only boxes whose VM version it supports. It is read from IMAGE_VERSION of os-release, or \
         from the configuration."
            "Set `tao_version` in section [box] of /etc/boxsync/boxsync.toml.";
        ConfigCaFile "config.ca_file" [Operator Failed Unsent => ConfigWrong]
            "the file of CA certificates is not usable"
            "The file that [central] ca_file names holds no PEM certificate, or a broken one."
            "Replace the file by the PEM certificate of the authority that signed central's certificate.";
        ConfigProxy "config.proxy" [Operator Failed Unsent => ConfigWrong]
            "the proxy is not usable as configured"
            "boxsync speaks plain http to a proxy and opens a tunnel through it; a proxy URL with https:// is not \
         supported."
            "Write `proxy` in section [central] as http://host:port.";
        ConfigBoxId "config.box_id" [Operator Failed Unsent => ConfigWrong]
            "the box id is not usable"
            "The box id travels in a header field, which takes visible ASCII characters only."
            "Set `id` in section [box] to visible ASCII characters, or remove it.";
        ConfigTls "config.tls" [Operator Failed Unsent => ConfigWrong]
            "TLS cannot be set up"
            "The TLS library of this boxsync refused its own settings. This does not depend on central."
            "Install boxsync again.";
        ConfigTextfile "config.textfile" [Operator Failed Unsent => ConfigWrong]
            "the file of the metrics cannot be written"
            "The file that [metrics] textfile names cannot be replaced: its folder is missing, not writable for the user \
         that boxsync runs as, or not among the ReadWritePaths of the service. Nothing else depends on it."
            "Make the folder of that file, writable for the user boxsync, and name it in ReadWritePaths= of the service.";
        MetricsPush "metrics.push" [Retry Failed Unknown]
            "the figures do not reach the Pushgateway"
            "What [metrics] push names does not take the figures of this box: it cannot be reached, wants a login, or holds \
         the same names with other types. Synchronizations go on; the figures are pushed again after the next one, and \
         after five minutes at the latest."
            "Look whether the Pushgateway runs and `push` in section [metrics] names it; delete its old groups where it tells of types.";
        UpdateNoSource "update.no_source" [Operator Failed Unknown]
            "no source of images is configured"
            "`boxsync update check` asks the folder that [update] source names, and none is named."
            "Set `source` in section [update] of /etc/boxsync/boxsync.toml to the folder of the images.";
        UpdateSource "update.source" [Retry Failed Unknown]
            "the source of images has no manifest"
            "The folder that [update] source names does not give SHA256SUMS, the list of its images that systemd-sysupdate \
         reads."
            "Look whether `source` in section [update] names the folder in which SHA256SUMS lies.";
        UpdateImage "update.image" [Retry Failed Unknown]
            "a new image cannot be brought"
            "The source of images does not give a file that its list names, or gives another content than the list says, or \
         there is no room for it. The box stays as it is, and it is tried again."
            "Look whether the folder that [update] source names has the files of SHA256SUMS as they were published, and its signature.";
        UpdateInstall "update.install" [Operator Failed Unknown]
            "a new image cannot be installed"
            "systemd-sysupdate did not install what was brought: mostly the signature is not by the key of the image that runs. \
         The box stays as it is."
            "Read what systemd-sysupdate said with `journalctl -u boxsync-update.service`.";
        UpdateFailed "update.failed" [Operator Failed Unknown]
            "a new image did not come up"
            "It was booted as often as it may be, never showed that it works, and the box went back to the image before it. \
         It is not tried again under its number."
            "Publish the image under a new number when it is mended.";
        UpdateImpossible "update.impossible" [Operator Failed Unknown]
            "the box cannot renew its image"
            "A source of images is configured, but the image that runs has no second place, no number, or no systemd-sysupdate."
            "Write a current image on the disk of the box, or remove `source` from section [update].";
        UpdateHeld "update.held" [Operator Failed Unknown]
            "a new image has been held back for long"
            "A newer image is offered, and something has held it back for more than a fortnight."
            "See what holds it back with `boxsync update check`.";
        InputFile "input.file" [Operator Failed Unknown]
            "a file cannot be used"
            "The file given to the command is missing, empty or not readable; or it is to be written, and is there already \
         or cannot be made."
            "Give the path of a file that can be read, or to write one the path of a new file.";
        InputKey "input.key" [Operator Failed Unknown]
            "the client id is malformed"
            "An OAuth client id has no blanks; central prints it when credentials are generated."
            "Copy the client id from central once more.";
        InputTokenUrl "input.token_url" [Operator Failed Unknown]
            "the token URL is malformed"
            "The token URL is the absolute http or https URL that central prints with the credentials."
            "Copy the token URL from central once more.";
        InputKind "input.kind" [GiveUp Failed Unknown]
            "no such kind of item"
            "An item was submitted under a kind that is none of results, logs, sessions and lti-users."
            "Name one of the four kinds.";
        InputOrganisation "input.organisation" [Operator Failed Unknown]
            "the box is not enrolled for this organisation"
            "An organisation was named that the box is not enrolled for, or cannot be removed as it was asked."
            "See the organisations of the box with `boxsync organisation list`.";
        InputWipe "input.wipe" [Operator Failed Unknown]
            "the box was not wiped"
            "Wiping destroys the key and all data. It needs the box id typed as confirmation, and what was typed is \
         not the box id."
            "If you mean it, run `boxsync wipe` again and type the box id.";
        InputRun "input.run" [Operator Failed Unknown]
            "no such synchronization"
            "The history of the box has no synchronization of this number, or not any more."
            "See the numbers with `boxsync history`.";
        InputTerminate "input.terminate" [Operator Failed Unknown, 409]
            "no execution was terminated"
            "`sync --terminate` ends exams of candidates. It needs the number of executions under way typed as confirmation, and \
         what was typed is not that number, or it has changed meanwhile."
            "If you mean it, run `boxsync sync --terminate` again and type the number that it names.";
        InputConfirm "input.confirm" [Operator Failed Unknown]
            "no result was confirmed"
            "`results confirm` lets go of results without central's word. It needs their number typed as confirmation, and what was \
         typed is not that number."
            "If you know that central has them, run it again and type the number that it names.";
        WipeOwed "wipe.owed" [Operator Failed Unknown]
            "the box owes what a wipe would destroy"
            "What candidates did lies on the box, and central has not acknowledged it. `wipe` destroys it only for \
         somebody who gives the number of these items."
            "Send it with `boxsync sync --results`, or write it to files with `boxsync results export`.";
        InputUsage "input.usage" [Operator Failed Unknown]
            "the command line cannot be read"
            "A verb or an option is misspelt, missing or too much. Nothing was done."
            "Look at `boxsync --help`, or at the help of the verb.";
        InputCode "input.code" [Operator Failed Unknown]
            "an unknown code"
            "`doctor explain` knows every code that this boxsync tells; this is none of them."
            "Use the code as it stands in brackets behind a message.";
        OutputFailed "output.failed" [GiveUp Failed Unknown]
            "output cannot be written"
            "The terminal, pipe or file that the output goes to took no more."
            "Check the disk that the output goes to.";
        StateFolder "state.folder" [Operator Failed Unknown]
            "state folder"
            "Everything that the box keeps lies sealed below /var/lib/boxsync, owned by one user, in a layout with a \
         version."
            "See that /var/lib/boxsync exists and belongs to the user boxsync.";
        StateNew "state.new" [Operator Failed Unknown]
            "the box is new"
            "The state folder does not exist or is empty: boxsync has not run here yet, or the disk of an older box \
         is not mounted."
            "If the box is new, enroll it with `boxsync enroll`.";
        StateNewer "state.newer" [Operator Failed Unknown]
            "the state folder is of a newer boxsync"
            "A newer boxsync has written the state folder. An older one leaves it alone, since it would not understand \
         it; nothing is lost."
            "Install the newer boxsync again.";
        StateVersion "state.version" [Operator Failed Unknown]
            "the version of the state folder cannot be read"
            "The file `version` in the state folder holds no number. It may have been cut by a power loss or edited."
            "Write 1 into the file that is named.";
        StateReadOnly "state.read_only" [Operator Failed Unknown]
            "the state folder cannot be written"
            "The volume is mounted read-only, which Linux also does by itself after a disk error, or the folder belongs \
         to another user."
            "Make the state folder writable for the user boxsync; if the volume went read-only by itself, replace the disk.";
        StateOwner "state.owner" [Operator Failed Unknown]
            "this user may not act for the box"
            "What the box keeps belongs to one user, mostly boxsync. Root may act as that user, unless a container forbids \
         it; nobody else may. What goes through the service (sync, pause, resume, rate) needs no root, but the role \
         `control` of section [api]."
            "Run the command as root, with `sudo` or `doas`, or as the user who owns the state folder.";
        StateIo "state.io" [Operator Failed Unknown]
            "the disk gave an error"
            "An operation on a file of the state folder failed for a reason of the disk or the file system, told beside \
         the path."
            "Check the disk (`dmesg`, smartctl) and replace it if it gives errors.";
        StateBusy "state.busy" [Retry Failed Unknown]
            "another boxsync is at work"
            "A synchronization, or a command that changes keys or credentials, holds the state. Only one does at a time; this is \
         not a fault."
            "Wait until the running synchronization has ended.";
        KeyOpen "key.open" [Operator Failed Unknown]
            "key of the data"
            "A data key seals all data; an envelope key, from a systemd credential or a file, wraps the data key."
            "Keep a copy of the envelope key in a safe place.";
        KeyWrong "key.wrong" [Operator Failed Unknown => KeyWrong]
            "the key does not open the data"
            "The envelope key is not the one that wraps the data key: the disk or the credential of another box was put \
         in, or the key was replaced. Nothing is changed or deleted; with the right key everything opens again."
            "Put the envelope key of this box back (boxsync.key).";
        KeySealed "key.sealed" [Operator Failed Unknown => KeyWrong]
            "there is no key for the data"
            "The state folder holds sealed data and no envelope key is at hand. Without it nobody can read the data, \
         and boxsync makes no second key beside it. Where no copy of it exists, `boxsync wipe` makes the box new."
            "Put the copy of the missing key file back (boxsync.key, data.key), or run boxsync as its service or as \
         root, so that it finds it.";
        KeyMalformed "key.malformed" [Operator Failed Unknown]
            "the key file is malformed"
            "An envelope key has 32 bytes or 64 hex digits; the file that is named has something else."
            "Put the original key file back.";
        KeyElsewhere "key.elsewhere" [Operator Failed Unknown]
            "the key is kept by systemd"
            "The envelope key comes from a systemd credential, which boxsync cannot replace itself."
            "Replace the credential, with the old key beside it as boxsync.key.old.";
        DiskSpace "disk.space" [Operator Failed Unknown]
            "disk"
            "Packages leave `reserve` bytes of the volume free, so that answers of candidates always find room."
            "Keep more free than [download] reserve.";
        DiskFull "disk.full" [Operator Failed Unknown, 507 => DiskFull]
            "the disk is full"
            "Too little is free to store anything. Downloads stop before the reserve for results is touched; below that, \
         answers of candidates are in danger."
            "Free disk space on the volume of /var/lib/boxsync, or use a larger disk.";
        DiskInodes "disk.inodes" [Operator Failed Unknown, 507 => DiskFull]
            "the disk takes no more files"
            "The volume has room, but its table of files (inodes) is used up, mostly by very many small files of another \
         program. Nothing can be stored, answers of candidates neither."
            "Remove files that are not needed from the volume of /var/lib/boxsync (`df -i` shows it), or use a larger disk.";
        DiskFailing "disk.failing" [Operator Failed Unknown => DiskFailing]
            "the disk fails"
            "The disk or its file system cannot give or take bytes of the file that is named. What lies there is neither \
         missing nor damaged by boxsync; it may come back, or be lost. Everything else goes on."
            "Send what is owed with `boxsync sync --results`, then replace the disk.";
        DiskReserve "disk.reserve" [Operator Failed Unknown]
            "less disk is free than is kept for results"
            "What [download] reserve keeps free for results is partly used. No more packages are fetched until there is \
         room again."
            "Free disk space on the volume of /var/lib/boxsync; if there is enough, lower [download] reserve.";
        ClockSkew "clock.skew" [Operator Failed Unknown]
            "clock"
            "The clock of the box is compared with the date of central's answers. boxsync judges certificates and waits \
         by a time of its own and gets along with a wrong clock; times of results do not."
            "Let the box synchronize its clock (NTP).";
        ClockWrong "clock.wrong" [Operator Failed Unknown => ClockWrong]
            "the clock of the box is wrong"
            "Central's answers carry another time than the box believes. Times in results and logs will be wrong, and \
         certificates may seem expired or not yet valid. Often the battery of the clock is empty."
            "Set the clock: `timedatectl set-time` or NTP; then replace the clock's battery.";
        ClockCentral "clock.central" [Operator Failed Unknown]
            "central's clock is wrong"
            "Central's answers carry a time that has surely passed, or one at which its own certificate is not valid. The \
         box judges by what it knows itself and goes on; results and logs on central carry the wrong time."
            "Tell the operator of central to set its clock (NTP).";
        ClockFloor "clock.floor" [Operator Offline Unsent]
            "central's certificate has ended by the time that this box takes for certain"
            "Central's certificate is valid at the date of its answer, but no more at the time that this box takes for \
         certain. That time may have been moved by somebody who had central's key, or by a central whose clock was \
         years ahead; it goes back by itself when central's answers have agreed for 24 hours of running time."
            "Compare `boxsync clock show` with a clock that is right; where the box is wrong, run `boxsync clock accept`.";
        ClockUnproven "clock.unproven" [Operator Failed Unknown]
            "nobody vouches for the time of the box"
            "Central is spoken with over plain http, so no answer of it tells the time for certain. The windows of downloads \
         go by what the system clock said when the box was set up, and running time since: what the box is switched \
         off is not counted."
            "Use https in [central] url; else set the clock and run `boxsync clock accept --system`.";
        ClockBehind "clock.behind" [Operator Failed Unknown]
            "the clock is behind a time that has surely passed"
            "The clock of the box stands before the day this boxsync was built, or before its own last synchronization. \
         Often the battery of the clock is empty."
            "Set the clock: `timedatectl set-time` or NTP; then replace the clock's battery.";
        UnitState "unit.state" [Operator Failed Unknown]
            "service"
            "systemd runs boxsync as a service and restarts it when it ends or when its watchdog finds no progress."
            "See `systemctl status boxsync`.";
        UnitDown "unit.down" [Operator Failed Unknown]
            "the service does not run"
            "The box only synchronizes by itself while the service boxsync runs."
            "Start it: `systemctl enable --now boxsync`.";
        UnitFailed "unit.failed" [Operator Failed Unknown]
            "the service has failed"
            "systemd gave up on boxsync: it ended too often in a short time. The journal tells why."
            "Read `journalctl -u boxsync -e`, then `systemctl restart boxsync`.";
        UnitMasked "unit.masked" [Operator Failed Unknown]
            "the service is masked"
            "Somebody forbade the service to start (`systemctl mask`). Until that is taken back neither a boot nor \
         `systemctl start` starts it."
            "Take it back: `systemctl unmask boxsync`, then `systemctl enable --now boxsync`.";
        UnitUnusable "unit.unusable" [Operator Failed Unknown]
            "systemd cannot use the unit of the service"
            "A file of the unit or a drop-in below /etc/systemd/system/boxsync.service.d has a mistake that keeps systemd \
         from loading it; `systemctl status boxsync` tells the line."
            "Mend the file that is named, then `systemctl daemon-reload` and `systemctl restart boxsync`.";
        UnitUnreadable "unit.unreadable" [Operator Failed Unknown]
            "a file that the unit names cannot be read"
            "The unit of the service, or a drop-in below /etc/systemd/system/boxsync.service.d, names a file \
         (EnvironmentFile=) that is missing or that cannot be read. systemd does not start the service without it."
            "Put the file that is named in place, or take its line out with `systemctl edit boxsync`; then \
         `systemctl restart boxsync`.";
        UnitRestarts "unit.restarts" [Operator Failed Unknown]
            "the service was restarted"
            "boxsync ended unexpectedly or its watchdog saw no progress, and systemd started it again. Nothing is lost \
         by a restart, but it should not happen."
            "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.";
        DoctorOffline "doctor.offline" [Operator Failed Unknown]
            "not looked at"
            "The check needs the network and `--offline` was given."
            "Run `boxsync doctor` without --offline.";
        DoctorLate "doctor.late" [Operator Failed Unknown]
            "a check did not end in time"
            "Each check has a time limit, so that the answer comes while you stand at the box. This one did not end: \
         the network swallows packets, or the disk is very slow."
            "Run `boxsync doctor` again; if it stays, follow the first failed check.";
        BundleSecret "bundle.secret" [GiveUp Failed Unknown]
            "the support bundle was not written"
            "Before a bundle is written, its bytes are searched for every secret of the box. One was found, so nothing \
         was written."
            "Tell your support that the bundle was refused, and where.";
    } };
}
