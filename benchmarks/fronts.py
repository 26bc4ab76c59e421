"""Caches before a server: nginx and Varnish, each as it comes, told to keep pages for long."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.contenders import LIFE
from tests.servers import HOST

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error;
events {{ worker_connections 1024; }}
http {{
    sendfile on;
    tcp_nopush on;
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/client;
    fastcgi_temp_path {folder}/fastcgi;
    proxy_temp_path {folder}/proxy;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    proxy_cache_path {folder}/cache keys_zone=pages:10m;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass http://{host}:{behind};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_valid 200 {life}s;
            add_header X-Cache $upstream_cache_status always;
        }}
    }}
}}
"""
VARNISH = """
vcl 4.1;
backend site {{ .host = "{host}"; .port = "{behind}"; }}
sub vcl_backend_response {{ set beresp.ttl = {life}s; }}
sub vcl_deliver {{
    if (obj.hits > 0) {{ set resp.http.X-Cache = "hit"; }} else {{ set resp.http.X-Cache = "miss"; }}
}}
"""


def found(program: str) -> str | None:
    """Return where a program is, also where only administrators look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def command(program: str, folder: Path, port: int, behind: int) -> tuple[str, ...]:
    """Return the command of a cache that listens on a port before the server on another; its files are in a folder."""
    words = {"folder": folder, "host": HOST, "port": port, "behind": behind, "life": LIFE}
    config, options = folder / "config", ["-n", str(folder / "varnish")]
    if program == "nginx":
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(NGINX.format(**words, user=user))
        options = ["-p", str(folder), "-c", str(config), "-e", str(folder / "error")]
    else:
        config.write_text(VARNISH.format(**words))
        options += ["-F", "-j", "none", "-f", str(config), "-a", f"{HOST}:{port}"]
    return (str(found(program)), *options)
