//! What a central holds of what boxes sent: executions, orphans, log rows, users, rows of its synchronisation log.
//! Never changes any of it, but for what waits for decryption.
//! Called by end-to-end tests.

use crate::{Central, Execution, LogRow, SyncRow};

impl Central {
    /// Mapped executions whose rows no task could decrypt, by the box's id. What a request that died left behind is no
    /// execution's: no task was queued for it, as on TAO.
    #[must_use]
    pub fn undecrypted(&self) -> Vec<String> {
        let mut state = self.shared.state();
        state.results.decrypt();
        let results = &state.results;
        let places = results.encryption.iter().flat_map(|e| e.references.keys());
        let places = places.filter(|at| results.executions[**at].is_mapped);
        places
            .map(|at| results.executions[*at].offline.clone())
            .collect()
    }

    /// All executions, orphans included, in order of creation; what waits for decryption is decrypted.
    #[must_use]
    pub fn executions(&self) -> Vec<Execution> {
        let mut state = self.shared.state();
        state.results.decrypt();
        state.results.executions.clone()
    }

    /// The execution that a box's execution id is mapped to.
    #[must_use]
    pub fn execution(&self, offline: &str) -> Option<Execution> {
        let mut state = self.shared.state();
        state.results.decrypt();
        let at = state.results.mapped(offline)?;
        Some(state.results.executions[at].clone())
    }

    /// Executions that no mapping names.
    #[must_use]
    pub fn orphans(&self) -> Vec<Execution> {
        let mut executions = self.executions();
        executions.retain(|e| !e.is_mapped);
        executions
    }

    /// Rows of `delivery_log`, `SYNC_EVENT` included.
    #[must_use]
    pub fn log_rows(&self) -> Vec<LogRow> {
        self.shared.state().logs.clone()
    }

    /// LTI users that were taken.
    #[must_use]
    pub fn lti_users(&self) -> Vec<serde_json::Value> {
        self.shared.state().lti_users.clone()
    }

    /// Rows of the synchronisation log.
    #[must_use]
    pub fn sync_rows(&self) -> Vec<SyncRow> {
        self.shared.state().ledger.rows.clone()
    }
}
