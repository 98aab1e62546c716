//! nginx with one worker, as the peer that serves the same bytes from the page cache.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use colophon_tests::tool::on_path;

/// A running nginx. Stopped when dropped.
pub(crate) struct Nginx {
    child: Child,
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// How nginx sends files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sending {
    /// `sendfile on`.
    Sendfile,
    /// `sendfile off; output_buffers 4 1m`.
    Buffers,
}

impl Nginx {
    /// Serves the files of `root` from one worker pinned to `processor`.
    pub(crate) fn start(root: &Path, sending: Sending, processor: usize) -> Result<Self, String> {
        let nginx = on_path("nginx")
            .or_else(|| Some("/usr/sbin/nginx".into()))
            .filter(|path: &std::path::PathBuf| path.is_file())
            .ok_or("nginx is not installed (cargo xtask setup)")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let port = free_port()?;
        let sending = match sending {
            Sending::Sendfile => "sendfile on; tcp_nopush on;",
            Sending::Buffers => "sendfile off; output_buffers 4 1m;",
        };
        let configuration = format!(
            "daemon off; worker_processes 1; pid {dir}/pid; error_log {dir}/error.log; user root;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; keepalive_requests 1000000; {sending}\n\
             client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;\n\
             uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;\n\
             server {{ listen 127.0.0.1:{port}; root {root}; }} }}\n",
            dir = folder.path().display(),
            root = root.display(),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration).map_err(|error| error.to_string())?;
        let child = Command::new("taskset")
            .args(["-c", &processor.to_string()])
            .arg(nginx)
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let begun = std::time::Instant::now();
        while TcpStream::connect(address).is_err() {
            if begun.elapsed().as_secs() > 10 {
                return Err("nginx does not listen".to_owned());
            }
            std::thread::yield_now();
        }
        Ok(Self {
            child,
            address,
            _folder: folder,
        })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master passes the signal on to its worker; a kill would orphan it.
        let _ = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    Ok(listener
        .local_addr()
        .map_err(|error| error.to_string())?
        .port())
}
