//! Codes of what the box holds and owes: store, catalogue, packages, results, synchronizations.
//! Never a rule: only the table.
//! Called by `code`, which joins the tables.

macro_rules! data_codes {
    ($next:ident $($then:ident)* ; $($rows:tt)*) => { $next! { $($then)* ; $($rows)*
        StoreOpen "store.open" [Operator Failed Unknown]
            "index store"
            "The store holds what can be rebuilt: where the records lie that an interrupted run had staged."
            "See its size with `du -sh /var/lib/boxsync/index`.";
        StoreFailed "store.failed" [Operator Failed Unknown]
            "the index store does not open"
            "The store on disk is damaged, mostly by a power loss. It holds nothing irreplaceable: the next \
         synchronization moves it aside and rebuilds it."
            "Run `boxsync sync`.";
        StoreRebuilt "store.rebuilt" [Operator Failed Unknown => StoreRebuilt]
            "the index store was rebuilt"
            "The store had been damaged and was moved to the folder `quarantine`; a new one took its place."
            "Nothing to do; if it happens often, replace the disk.";
        StoreDamaged "store.damaged" [Operator Failed Unknown]
            "a sealed file is damaged"
            "A file does not open with the key of the box: its bytes changed on disk, it was copied from another box, or \
         it was cut. It is never taken as empty."
            "Check the disk, then run `boxsync sync`; what central has is brought again.";
        CatalogueOrganisation "catalogue.organisation" [Operator Failed Unknown]
            "organisation"
            "Central has to know the organisation of the box: it then names at least one test centre for it."
            "See `organisation_id` with `boxsync identity`.";
        CatalogueUnknownOrganisation "catalogue.unknown_organisation" [Operator Failed Unknown]
            "central names nothing for this organisation"
            "For an organisation id that it does not know central answers empty lists, as if there were nothing. \
         Mostly the id is mistyped. Nothing on the box is deleted because of it."
            "Correct `organisation_id` in section [box], or ask the operator of central for the right id.";
        CatalogueOtherOrganisation "catalogue.other_organisation" [Operator Failed Unknown]
            "the catalogue is of another organisation"
            "The box holds the catalogue of one organisation and is configured for another. It is not overwritten by \
         itself."
            "Correct `organisation_id`; if the box changes its organisation, first send what it owes with the one before, then \
         run `boxsync wipe`.";
        CatalogueOtherCentre "catalogue.other_centre" [Operator Failed Unknown => CatalogueOtherCentre]
            "central names another test centre"
            "The lists of central no longer name the test centre that the box holds, but another one. Everything is \
         held back, so that a mistake on central cannot empty a box."
            "Ask the operator of central; if it is meant, run `boxsync sync --allow-deletes`.";
        CatalogueComplete "catalogue.complete" [Operator Failed Unknown]
            "catalogue"
            "The catalogue is complete when one synchronization has read all six lists of central to their ends."
            "Run `boxsync sync`.";
        CatalogueIncomplete "catalogue.incomplete" [Operator Failed Unknown]
            "the catalogue is not complete"
            "No synchronization has read all lists of central to their ends yet."
            "Run `boxsync sync` and let it finish.";
        CatalogueEmpty "catalogue.empty" [Operator Failed Unknown]
            "the catalogue names no delivery"
            "Central has published no test for the organisation of the box, or its eligibilities name none."
            "Ask the operator of central to publish the tests for this organisation.";
        CatalogueOld "catalogue.old" [Operator Failed Unknown]
            "the catalogue is old"
            "The last complete synchronization is days ago. Test takers and tests that were added since are not on the \
         box."
            "Connect the box to the network and run `boxsync sync`.";
        CatalogueHeldBack "catalogue.held_back" [Operator Failed Unknown => DeletionHeldBack]
            "deletions are held back"
            "Central no longer names many of the entities that the box holds. They are kept until a second run agrees, \
         after the box has been running for 24 hours, or until a person says so."
            "If central is right, run `boxsync sync --allow-deletes`.";
        CatalogueInUse "catalogue.in_use" [Operator Failed Unknown]
            "changes wait for the end of an exam"
            "Central changed or no longer names what is being sat on the box: a delivery that has executions, or one of its test \
         takers; where the delivery engine tells of an exam alone, anything that is shown. It stays as it is until the exam is over."
            "Nothing to do: the first synchronization after the exam brings it.";
        CatalogueEndless "catalogue.endless" [GiveUp Failed Unknown]
            "a list of central does not end"
            "Central's pages repeat without bringing anything new, or there are more than any central has. The list was \
         taken as far as it brought something."
            "Tell the operator of central this code.";
        CatalogueChecksum "catalogue.checksum" [GiveUp Failed Unknown]
            "a checksum does not fit its entity"
            "What central computed for an entity is not what follows from its properties. The entity is stored as \
         received."
            "Tell the operator of central which entity is named.";
        CatalogueEntity "catalogue.entity" [GiveUp Failed Unknown]
            "an entity could not be brought"
            "Central names an entity in its list, but gives no usable details for it. All others were brought."
            "Ask the operator of central to look at the entity that is named.";
        CatalogueUnknownEntity "catalogue.unknown_entity" [GiveUp Failed Unknown, 404]
            "the box does not hold this entity"
            "There is no entity with this URI in the catalogue of the box."
            "List what there is with `boxsync entities`.";
        PackageWhole "package.whole" [Operator Failed Unknown]
            "packages"
            "Each delivery of the catalogue needs its test package, whole and verified."
            "Run `boxsync sync --type delivery`.";
        PackageIncomplete "package.incomplete" [Operator Failed Unknown]
            "packages are still missing"
            "Not every delivery of the catalogue has its package on the box yet. What has come of them is kept."
            "Run `boxsync sync` and let it finish.";
        PackageMissing "package.missing" [GiveUp Failed Unknown]
            "central has no package for a delivery"
            "Central answers 404 for the package: the delivery was published before the synchronisation was installed \
         there, or its test is gone."
            "See which one with `boxsync packages`, and ask the operator of central to publish it again.";
        PackageWaiting "package.waiting" [Operator Failed Unknown]
            "packages are still under way"
            "They come beside the runs, as the line, the download windows and exams allow; catalogue and results do not wait \
         for them."
            "Nothing to do. `boxsync status` says what they wait for; `boxsync sync --now` brings them outside of their windows.";
        PackageDamaged "package.damaged" [GiveUp Failed Unknown => PackageDamaged]
            "a package is damaged"
            "A package that was whole no longer is, for its bytes changed on disk: it is fetched again, as far as needed. Or a \
         member is damaged on central: it is then named, and not fetched again before the package changes there or \
         somebody asks."
            "Run `boxsync packages verify`, then `boxsync sync`; if it happens again, replace the disk, or where a member is \
         named ask the operator of central to publish the delivery again.";
        PackageUnsupported "package.unsupported" [GiveUp Failed Unknown]
            "a package cannot be checked"
            "A member of the package is encrypted, packed with a method that boxsync does not know, or shares bytes with \
         another one. Nothing is used that was not checked, so the package is not brought."
            "Ask the operator of central to publish the delivery again, packed as TAO packs it (stored or deflated).";
        PackageCache "package.cache" [GiveUp Failed Unknown]
            "a cache gives one package for several deliveries"
            "A cache between the box and central takes no notice of which delivery is asked for, and answers with the package \
         of another one. Past the cache central gives the right one. Nothing is held as what it is not; it comes by \
         itself once the cache is mended."
            "Ask the operator of the cache or proxy to keep packages apart by the whole URL, query included, or not to cache \
         them.";
        PackageNotHeld "package.not_held" [GiveUp Failed Unknown, 404]
            "the box holds no whole package of this delivery"
            "The package is still coming, is damaged, or the delivery is not in the catalogue."
            "See `boxsync packages`.";
        PackageEdition "package.edition" [GiveUp Failed Unknown, 412]
            "the box holds another edition of this package"
            "A reader of the local API asked for one edition of a package, and another one has taken its place. One that a \
         reader named stays readable while an exam runs and two hours beyond."
            "Read `/v1/packages` again: it names the edition that is held.";
        PackageUnknownMember "package.unknown_member" [GiveUp Failed Unknown, 404]
            "the package has no such member"
            "A reader of the local API asked for a member that this edition of the package does not have."
            "Read the list of its members again.";
        PackageChanged "package.changed" [Refresh Failed Unknown]
            "a package changed on central while it was fetched"
            "The package was published anew during the download. It is fetched again from its beginning."
            "Run `boxsync sync` again.";
        PackageRange "package.range" [GiveUp Failed Unknown]
            "parts of packages"
            "Packages are fetched in parts, so that a cut costs little. If parts come ignored, shifted, cut or \
         compressed, a proxy or the web server on the way changes them, and every cut starts a package anew."
            "Ask the operator of the proxy or of central to let Range requests through unchanged.";
        PackageEmpty "package.empty" [GiveUp Failed Unknown]
            "central gives an empty package"
            "Central answers with a package of no bytes: the file is missing on its disk."
            "Ask the operator of central to publish the delivery again.";
        PackageLength "package.length" [GiveUp Failed Unknown]
            "a package is not as long as announced"
            "Central announced one length and gave another. Nothing of it was used."
            "Run `boxsync sync` again; if it stays, tell the operator of central.";
        PackageNotZip "package.not_zip" [GiveUp Failed Unknown]
            "central gives something else than a package"
            "What came for a package is no zip file. Mostly a page of a proxy, or a broken publication."
            "Ask the operator of central to publish the delivery again.";
        PackageTruncated "package.truncated" [GiveUp Failed Unknown]
            "a package is cut"
            "The end of the zip file is missing or points behind its own end: it is cut on central."
            "Ask the operator of central to publish the delivery again.";
        PackageDirectory "package.directory" [GiveUp Failed Unknown]
            "the directory of a package is broken"
            "The list of members at the end of the zip file contradicts itself."
            "Ask the operator of central to publish the delivery again.";
        PackageMultidisk "package.multidisk" [GiveUp Failed Unknown]
            "a package is a part of a split zip"
            "The zip file says that it is one of several; TAO never makes such."
            "Ask the operator of central to publish the delivery again.";
        PackageTooLarge "package.too_large" [GiveUp Failed Unknown]
            "a package has too many or too large members"
            "The directory of the package is larger than any that a box can hold."
            "Ask the operator of central to split the test.";
        ResultsSpool "results.spool" [Operator Failed Unknown]
            "results to send"
            "What candidates produced lies on disk until central has acknowledged it."
            "Run `boxsync sync --results`.";
        ResultsQueued "results.queued" [Operator Failed Unknown]
            "results wait to be sent"
            "Results were accepted and lie safely on disk; central has not acknowledged them yet."
            "Connect the box to the network and run `boxsync sync --results`.";
        ResultsRefused "results.refused" [Operator Failed Unknown => ResultRefused]
            "central does not accept some results"
            "Central broke on these results while it took others. They are kept on the box."
            "See `boxsync results`, export them with `boxsync results export ID FILE` and send them to your support.";
        ResultsUnconfirmed "results.unconfirmed" [Operator Failed Unknown => ResultUnconfirmed]
            "it is not known whether central has some results"
            "The answer of central to these results was lost. Sending them blindly could double them, so they are kept \
         until somebody has looked."
            "Ask the operator of central whether it has them; if not, run `boxsync results retry ID`.";
        ResultsStuck "results.stuck" [Operator Failed Unknown]
            "results wait although central was reached"
            "Three synchronizations reached central, yet results stay in the queue, and none of them says why."
            "Make a support bundle with `boxsync doctor --bundle FILE` and send it to your support.";
        SyncLast "sync.last" [Operator Failed Unknown]
            "last synchronizations"
            "The outcomes of the last runs."
            "See `boxsync history`.";
        SyncNever "sync.never" [Operator Failed Unknown]
            "there was no synchronization yet"
            "The box has never finished a run."
            "Run `boxsync sync`.";
        SyncFailed "sync.failed" [Operator Failed Unknown => SyncFailed]
            "the last synchronization failed"
            "The last run ended early or finished with something failed; its own code tells what."
            "Run `boxsync sync` and look at what it tells.";
        EngineWorker "engine.worker" [Retry Failed Unknown]
            "a worker of boxsync ended unexpectedly"
            "An inner part of boxsync that writes packages ended before its work was done. Nothing is lost; the next run \
         goes on."
            "Run `boxsync sync` again; if it stays, send a support bundle (`boxsync doctor --bundle FILE`).";
    } };
}
