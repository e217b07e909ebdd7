"""The nginx of docs/production.md in front of processes of a test: the site of `deploy/nginx`, on a free port."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from operations.local.valkey import free_port
from studio.env import PROJECT

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
SITE = PROJECT / "deploy" / "nginx" / "studio.conf"
AROUND = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/studio.conf;
}}
"""


class Nginx:
    """nginx with TLS in front of the web processes on `ports`, and of a live process on `live_port`.

    Skips the test if nginx is not installed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ports: list[int],
        live_port: int | None = None,
        prefix: str = "",
        media: Path | None = None,
    ) -> None:
        if NGINX is None:
            pytest.skip("NO NGINX: THE SITE OF deploy/nginx IS NOT TESTED (on Debian: apt install nginx-light)")
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}{prefix}"
        self.certificate = self._make_certificate()
        (folder / "studio.conf").write_text(self._site(ports, live_port or free_port(), prefix, media))
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        command = [NGINX, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self._wait_until_it_listens()

    def _make_certificate(self) -> Path:
        certificate = self.folder / "fullchain.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", str(self.folder / "privkey.pem"), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
            timeout=60,
        )
        return certificate

    def _site(self, ports: list[int], live_port: int, prefix: str, media: Path | None) -> str:
        servers = "\n".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=2s;" for port in ports)
        changes = {
            "    server 127.0.0.1:8000 max_fails=1 fail_timeout=2s;": servers,
            "    server 127.0.0.1:8000 max_fails=1 fail_timeout=2s backup;": servers.replace(";", " backup;"),
            "    server 127.0.0.1:8001 ": f"    server 127.0.0.1:{live_port} ",
            "listen 443 ssl": f"listen 127.0.0.1:{self.port} ssl",
            "    listen [::]:443 ssl http2;\n": "",
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "    listen [::]:80;\n": "",
            "/etc/ssl/studio/": f"{self.folder}/",
            "location / {": f"location {prefix}/ {{",
            "/var/lib/studio/media/": f"{media or self.folder}/",
            # clients see this port; a deployment by docs/production.md has none
            "Host $host;": "Host $http_host;",
        }
        site = SITE.read_text()
        for old, new in changes.items():
            assert old in site
            site = site.replace(old, new)
        return site

    def _wait_until_it_listens(self) -> None:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError((self.folder / "error.log").read_text())

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(10)
