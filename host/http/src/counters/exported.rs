//! The counters as metrics of the process.

use crate::counters::Counters;

impl Counters {
    /// Hands the values to the process's metrics recorder; called before metrics are rendered, so
    /// that counting itself costs no look-up.
    pub fn publish(&self) {
        let values = self.values();
        metrics::counter!("colophon_download_requests_total").absolute(values.requests);
        metrics::counter!("colophon_download_resumes_total").absolute(values.resumed);
        metrics::counter!("colophon_download_successes_total").absolute(values.successes);
        metrics::counter!("colophon_download_failures_total").absolute(values.failed);
        metrics::counter!("colophon_download_sent_bytes_total").absolute(values.bytes_sent);
        let gauges = [
            ("colophon_downloads_pending", values.pending as f64),
            (
                "colophon_download_requests_per_second",
                values.requests_per_second,
            ),
            (
                "colophon_download_successes_per_second",
                values.successes_per_second,
            ),
            (
                "colophon_download_processing_last_seconds",
                values.processing_ms_last / 1e3,
            ),
            (
                "colophon_download_processing_average_seconds",
                values.processing_ms_average / 1e3,
            ),
            (
                "colophon_download_preparation_last_seconds",
                values.preparation_ms_last / 1e3,
            ),
            (
                "colophon_download_preparation_average_seconds",
                values.preparation_ms_average / 1e3,
            ),
            ("colophon_http_connections", values.connections as f64),
        ];
        for (name, value) in gauges {
            metrics::gauge!(name).set(value);
        }
    }

    /// Tells the recorder what each metric means; called once.
    pub(crate) fn describe() {
        let counters = [
            (
                "colophon_download_requests_total",
                "Downloads asked for; resumed ranges count once.",
            ),
            (
                "colophon_download_resumes_total",
                "Answers that continued a download already begun.",
            ),
            (
                "colophon_download_successes_total",
                "Downloads whose last byte was sent.",
            ),
            (
                "colophon_download_failures_total",
                "Downloads refused or broken off.",
            ),
            (
                "colophon_download_refusals_total",
                "Downloads refused, by error code.",
            ),
            (
                "colophon_download_sent_bytes_total",
                "Bytes of copies handed to connections.",
            ),
            (
                "colophon_http_connections_refused_total",
                "Connections over a limit, by limit.",
            ),
            (
                "colophon_http_connections_cut_total",
                "Connections cut, by reason.",
            ),
        ];
        for (name, meaning) in counters {
            metrics::describe_counter!(name, meaning);
        }
        let gauges = [
            (
                "colophon_downloads_pending",
                "Downloads being prepared or sent.",
            ),
            (
                "colophon_download_requests_per_second",
                "Requests per second over the last minute.",
            ),
            (
                "colophon_download_successes_per_second",
                "Successes per second over the last minute.",
            ),
            (
                "colophon_download_processing_last_seconds",
                "Arrival to last byte, last download.",
            ),
            (
                "colophon_download_processing_average_seconds",
                "Arrival to last byte, average.",
            ),
            (
                "colophon_download_preparation_last_seconds",
                "Arrival to first byte, last download.",
            ),
            (
                "colophon_download_preparation_average_seconds",
                "Arrival to first byte, average.",
            ),
            ("colophon_http_connections", "Open connections."),
        ];
        for (name, meaning) in gauges {
            metrics::describe_gauge!(name, meaning);
        }
    }
}
