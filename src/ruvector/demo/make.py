"""How are the demo's files made? `python -m ruvector.demo.make VECTORS.npy PAYLOADS.jsonl.gz`.

VECTORS is a float array [n, dim] of unit length; PAYLOADS has one JSON object per line in the same
order, with "name", "section", "priority" and "tags". The same input gives the same two files.

Chosen are the packages of `WELL_KNOWN`, those that every system has, and of each section the best
described ones (most tags), so that a search by meaning has something to find in every field.
Vectors are kept as int8 with one scale per row: 3 MB instead of 12, and a cosine to the original
above 0.9999.
"""

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

POINTS = 8000
LARGEST_SECTION = 450
LEFT_OUT = frozenset({"doc", "debug", "localization", "oldlibs", "tasks", "metapackages"})
WELL_KNOWN_NAMES = """
ansible apache2 ardour audacity bash bind9 blender borgbackup bzip2 calibre cargo chromium clang
clementine cmake cups curl darktable dnsmasq docker.io dovecot-core emacs evolution exim4
fail2ban ffmpeg filezilla firefox-esr fzf g++ gcc gdb gimp git gitk gnome-terminal gnucash gnupg
gnuplot golang gparted graphviz grep gzip handbrake haproxy htop imagemagick influxdb inkscape
ipython3 iptables jq kdenlive keepassxc kicad kodi krita latexmk libreoffice libreoffice-calc
libreoffice-writer lighttpd llvm lua5.4 lxc mariadb-server maven memcached mercurial minetest
mosquitto mpv mutt nano neovim nftables nginx nmap nodejs npm obs-studio octave openjdk-17-jdk
openscad openssh-server openvpn pandoc perl php php-fpm podman postfix postgis postgresql
postgresql-15 prometheus puppet python3 python3-django python3-flask python3-numpy
python3-pandas python3-requests python3-scipy python3-sklearn python3-torch qbittorrent
qemu-system qgis r-base rabbitmq-server redis-server rsync ruby rustc samba scribus shotwell
sqlite3 squid stellarium strace subversion supertuxkart syncthing tar tcpdump telegram-desktop
texlive thunderbird tigervnc-viewer tmux tor transmission-gtk unbound valgrind vim vlc wesnoth
wget wine wireguard wireshark xz-utils yt-dlp zip zookeeper zsh zstd
"""
WELL_KNOWN = frozenset(WELL_KNOWN_NAMES.split())


def choose(payloads: list[dict[str, Any]]) -> list[int]:
    """Return the positions of the chosen packages, in their order."""
    chosen = {
        row
        for row, payload in enumerate(payloads)
        if payload["name"] in WELL_KNOWN
        or payload["priority"] in ("required", "important", "standard")
    }
    taken: dict[str, int] = {}
    for row in sorted(range(len(payloads)), key=lambda row: (-len(payloads[row]["tags"]), row)):
        section = payloads[row]["section"]
        if len(chosen) == POINTS:
            break
        if section not in LEFT_OUT and taken.get(section, 0) < LARGEST_SECTION:
            taken[section] = taken.get(section, 0) + 1
            chosen.add(row)
    return sorted(chosen)


def make(vectors_file: Path, payloads_file: Path, folder: Path) -> int:
    """Write `packages.npz` and `packages.jsonl.gz` into the folder; return the number of points."""
    with gzip.open(payloads_file, "rt", encoding="utf-8") as lines:
        payloads = [json.loads(line) for line in lines]
    rows = choose(payloads)
    vectors = np.asarray(np.load(vectors_file, mmap_mode="r")[rows], dtype=np.float32)
    scales = np.abs(vectors).max(axis=1) / 127
    codes = np.rint(vectors / scales[:, None]).astype(np.int8)
    np.savez_compressed(folder / "packages.npz", codes=codes, scales=scales)
    text = "".join(
        json.dumps(payloads[row], ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows
    )
    # Without a time stamp the file depends on its content alone.
    (folder / "packages.jsonl.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return len(rows)


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), Path(sys.argv[2]), Path(__file__).parent), "points")
