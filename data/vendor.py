r"""Build, or verify, the vendored market data from the packages it comes from.

Every file under ``data/`` except this script, ``README.md`` and
``.gitattributes`` is written by this script. It only needs the standard library
and the four origin packages, whose files it reads without importing them::

    pip install --no-deps arch==8.0.0 bokeh_sampledata==2026.1 \
        gym-anytrading==2.0.0 skfolio==1.12.2
    python data/vendor.py            # rebuild
    python data/vendor.py --check    # compare with what is committed

The prices are carried over digit for digit. Only their layout changes: ISO
dates, lower-case column names, ``\n`` line ends, trailing zeros dropped. The
only rows left out are the VIX holidays, which hold no number at all.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import json
import sys
import zlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

Row = dict[str, str]

ROOT = Path(__file__).resolve().parent
SUMS = "SHA256SUMS"
US4_SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")


@dataclass(frozen=True)
class Source:
    """One file of an origin package.

    Attributes
    ----------
    package, version : str
        Distribution name and the exact version that is read.
    path : str
        Path of the file, as the distribution records it.
    sha256 : str
        Digest the file must have.
    """

    package: str
    version: str
    path: str
    sha256: str

    def read(self) -> bytes:
        """Return the file's bytes after checking version and digest.

        Returns
        -------
        bytes
            The file as it was shipped.

        Raises
        ------
        RuntimeError
            If the package is absent, of another version, or altered.
        """
        data = package_file(self.package, self.version, self.path)
        digest = hashlib.sha256(data).hexdigest()
        if digest != self.sha256:
            msg = f"{self.package}: {self.path} has SHA-256 {digest}"
            raise RuntimeError(msg)
        return data

    def rows(self) -> Iterator[Row]:
        """Iterate over the file's rows as text.

        Yields
        ------
        dict of str to str
            Column name to the text of the cell.
        """
        data = self.read()
        if self.path.endswith(".gz"):
            data = gzip.decompress(data)
        yield from csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))


VERSIONS = {
    "arch": "8.0.0",
    "bokeh_sampledata": "2026.1",
    "gym-anytrading": "2.0.0",
    "skfolio": "1.12.2",
}
US20 = Source(
    "skfolio",
    VERSIONS["skfolio"],
    "skfolio/datasets/data/sp500_dataset.csv.gz",
    "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
)
US20_INDEX = Source(
    "skfolio",
    VERSIONS["skfolio"],
    "skfolio/datasets/data/sp500_index.csv.gz",
    "894c34431c284f86aa64a467e176e2a3c9b697c857eb9ab35006c2dd55d3fdf2",
)
US4 = Source(
    "bokeh_sampledata",
    VERSIONS["bokeh_sampledata"],
    "bokeh_sampledata/_data/stocks.csv.gz",
    "5abadf99b2d394f920120a27de6f0df129859d71d4cfb0bf661bcc99446ab1fd",
)
SP500 = Source(
    "arch",
    VERSIONS["arch"],
    "arch/data/sp500/sp500.csv.gz",
    "1e028cbb9c400cc018c816ccc439b33c919387e726c3ed5ca2c05c82746059de",
)
VIX = Source(
    "arch",
    VERSIONS["arch"],
    "arch/data/vix/vix.csv.gz",
    "410bd07360dc798f7206d681b8347c6150e7fbd8b05fb1ae29bbe2c9985d66ef",
)
EURUSD = Source(
    "gym-anytrading",
    VERSIONS["gym-anytrading"],
    "gym_anytrading/datasets/data/FOREX_EURUSD_1H_ASK.csv",
    "28398b7edff9f74860d35a6f3c263f08e15c55264316dc07737d459d8688d7aa",
)


def package_file(package: str, version: str, path: str) -> bytes:
    """Read a file of an installed distribution without importing it.

    Parameters
    ----------
    package, version : str
        Distribution name and the version it must have.
    path : str
        Path of the file; a path inside the ``.dist-info`` folder is given
        relative to that folder, with a leading ``dist-info:``.

    Returns
    -------
    bytes
        The file's content.

    Raises
    ------
    RuntimeError
        If the distribution is absent, of another version or lacks the file.
    """
    wanted = " ".join(f"{name}=={number}" for name, number in VERSIONS.items())
    try:
        dist = metadata.distribution(package)
    except metadata.PackageNotFoundError as error:
        msg = f"{package} is not installed: pip install --no-deps {wanted}"
        raise RuntimeError(msg) from error
    if dist.version != version:
        msg = f"{package} is {dist.version}: pip install --no-deps {wanted}"
        raise RuntimeError(msg)
    inside = path.removeprefix("dist-info:")
    for entry in dist.files or ():
        name = entry.as_posix()
        if inside != path:
            folder, _, name = name.partition("/")
            if not folder.endswith(".dist-info"):
                continue
        if name == inside:
            return Path(str(dist.locate_file(entry))).read_bytes()
    msg = f"{package} {version} has no file {path}"
    raise RuntimeError(msg)


def number(text: str) -> str:
    """Write a number in its shortest plain form, losing no digit.

    Parameters
    ----------
    text : str
        The number as the source writes it.

    Returns
    -------
    str
        The same decimal number without trailing zeros or exponent.

    Raises
    ------
    ValueError
        If the text is no finite number.
    """
    value = Decimal(text)
    if not value.is_finite():
        msg = f"not a finite number: {text!r}"
        raise ValueError(msg)
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def us_date(text: str) -> str:
    """Turn a month-first date into an ISO date.

    Parameters
    ----------
    text : str
        A date such as ``1/4/1999``, the fourth of January.

    Returns
    -------
    str
        The date such as ``1999-01-04``.
    """
    month, day, year = (int(part) for part in text.split("/"))
    return f"{year:04d}-{month:02d}-{day:02d}"


def day_first_time(text: str) -> str:
    """Turn a day-first time stamp into an ISO one.

    Parameters
    ----------
    text : str
        A stamp such as ``02.01.2017 00:00:00.000``, the second of January.

    Returns
    -------
    str
        The stamp such as ``2017-01-02T00:00:00``.
    """
    # The stamps carry no offset; README.md says why they are taken to be UTC.
    date, clock = text.split(" ")
    day, month, year = date.split(".")
    return datetime.fromisoformat(f"{year}-{month}-{day}T{clock}").isoformat()


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    r"""Write a CSV file.

    Parameters
    ----------
    header : iterable of str
        The column names.
    rows : iterable of iterable of str
        The cells, already text.

    Returns
    -------
    bytes
        The file: UTF-8, comma, ``\n``.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode("utf-8")


def compress(data: bytes) -> bytes:
    """Compress with gzip, without a time stamp or a file name.

    Parameters
    ----------
    data : bytes
        The content.

    Returns
    -------
    bytes
        A gzip member that depends on nothing but ``data`` and the zlib build.
    """
    out = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(data)
    return out.getvalue()


def columns(
    rows: Iterable[Row],
    stamp: tuple[str, str, Callable[[str], str]],
    fields: Mapping[str, str],
) -> bytes:
    """Write the chosen columns of some rows.

    Parameters
    ----------
    rows : iterable of dict
        The source's rows.
    stamp : tuple of str, str, callable
        New name, source's name and converter of the date or time column.
    fields : mapping of str to str
        New name to source's name of each number column.

    Returns
    -------
    bytes
        The CSV file.
    """
    name, origin, convert = stamp
    return table(
        (name, *fields),
        ([convert(row[origin]), *(number(row[f]) for f in fields.values())] for row in rows),
    )


def bars(*extra: str) -> dict[str, str]:
    """Name the columns of an OHLCV file.

    Parameters
    ----------
    *extra : str
        Source's names of columns to put between close and volume.

    Returns
    -------
    dict of str to str
        New name to source's name.
    """
    names = ("Open", "High", "Low", "Close", *extra, "Volume")
    return {name.lower().replace(" ", "_"): name for name in names}


def us20_prices() -> bytes:
    """Write the 20 US stocks as one long table ordered by date and symbol.

    Returns
    -------
    bytes
        The compressed CSV file.
    """
    long = (
        (row["Date"], symbol, number(row[symbol])) for row in US20.rows() for symbol in sorted(row.keys() - {"Date"})
    )
    return compress(table(("date", "symbol", "close"), long))


def licences() -> dict[str, bytes]:
    """Collect the licence of each origin package.

    Returns
    -------
    dict of str to bytes
        Path below ``data/`` to content.
    """
    texts = {
        "arch": "licenses/LICENSE.md",
        "bokeh_sampledata": "licenses/LICENSE.txt",
        "gym-anytrading": "LICENSE",
        "skfolio": "licenses/LICENSE",
    }
    files = {
        f"LICENSES/{package}{Path(path).suffix or '.txt'}": package_file(
            package, VERSIONS[package], f"dist-info:{path}"
        )
        for package, path in texts.items()
    }
    inventory = json.loads(
        package_file(
            "bokeh_sampledata",
            VERSIONS["bokeh_sampledata"],
            "dist-info:licenses/licenses/datasets.json",
        )
    )
    notice = [entry for entry in inventory["datasets"] if entry["module"] == "stocks"]
    files["LICENSES/bokeh_sampledata-stocks.json"] = (json.dumps(notice, indent=2, ensure_ascii=False) + "\n").encode(
        "utf-8"
    )
    return files


def build() -> dict[str, bytes]:
    """Build every generated file.

    Returns
    -------
    dict of str to bytes
        Path below ``data/`` to content.
    """
    day = ("date", "Date", str)
    month_first = ("date", "Date", us_date)
    stocks = list(US4.rows())
    files = {
        "us20/prices.csv.gz": us20_prices(),
        "us20/SP500.csv": columns(US20_INDEX.rows(), day, {"close": "SP500"}),
        "index/SP500.csv": columns(SP500.rows(), month_first, bars()),
        "index/VIX.csv": columns(
            (row for row in VIX.rows() if row["vix"] != "."),
            month_first,
            {"close": "vix"},
        ),
        "eurusd-1h/EURUSD.csv": columns(EURUSD.rows(), ("time", "Time", day_first_time), bars()),
    }
    for symbol in US4_SYMBOLS:
        own = (row for row in stocks if row["Ticker"] == symbol)
        files[f"us4/{symbol}.csv"] = columns(own, day, bars("Adj Close"))
    files.update(licences())
    files[SUMS] = "".join(f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files)).encode(
        "ascii"
    )
    return dict(sorted(files.items()))


def same_payload(one: bytes, other: bytes) -> bool:
    """Say whether two gzip files hold the same content.

    Parameters
    ----------
    one, other : bytes
        The compressed files.

    Returns
    -------
    bool
        True when they decompress to the same bytes.
    """
    try:
        return gzip.decompress(one) == gzip.decompress(other)
    except (OSError, EOFError, zlib.error):
        return False


def compare(files: Mapping[str, bytes]) -> list[str]:
    """Compare the committed files with freshly built ones.

    Parameters
    ----------
    files : mapping of str to bytes
        Path below ``data/`` to the content it should have.

    Returns
    -------
    list of str
        What differs; empty when nothing does.
    """
    problems = []
    other_zlib: set[str] = set()
    for path, data in files.items():
        target = ROOT / path
        if not target.is_file():
            problems.append(f"{path}: missing")
            continue
        there = target.read_bytes()
        if there == data:
            continue
        if path.endswith(".gz") and same_payload(there, data):
            other_zlib.update((path, SUMS))
            print(f"{path}: same content, compressed by another zlib")
        else:
            problems.append(f"{path}: differs")
    # The committed sums are of the committed files, whatever zlib is used here.
    problems = [line for line in problems if line.partition(":")[0] not in other_zlib]
    generated = {Path(path).parts[0] for path in files if "/" in path}
    for folder in sorted(generated):
        for found in sorted((ROOT / folder).rglob("*")):
            name = found.relative_to(ROOT).as_posix()
            if found.is_file() and name not in files:
                problems.append(f"{name}: not built by this script")
    return problems + undocumented()


def undocumented() -> list[str]:
    """Look for committed files that ``README.md`` or the sums do not name.

    Returns
    -------
    list of str
        What is wrong; empty when nothing is.
    """
    readme, sums = ROOT / "README.md", ROOT / SUMS
    if not (readme.is_file() and sums.is_file()):
        return []
    text = readme.read_text(encoding="utf-8")
    problems = []
    for line in sums.read_text(encoding="ascii").splitlines():
        digest, _, path = line.partition("  ")
        target = ROOT / path
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() != digest:
            problems.append(f"{path}: not the file that {SUMS} names")
        if digest not in text:
            problems.append(f"{path}: README.md lacks its SHA-256 {digest}")
    return problems


def main(argv: list[str] | None = None) -> int:
    """Build the files, or compare them with the committed ones.

    Parameters
    ----------
    argv : list of str, optional
        Command line arguments, those of the process by default.

    Returns
    -------
    int
        Exit status: 0 when all is well, 1 otherwise.
    """
    parser = argparse.ArgumentParser(description="Build or verify the vendored data.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; compare with the files that are there",
    )
    check = parser.parse_args(argv).check
    try:
        files = build()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    if check:
        problems = compare(files)
        print("\n".join(problems) or f"{len(files)} files are as built")
        return 1 if problems else 0
    for path, data in files.items():
        target = ROOT / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        print(f"{len(data):>9} {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
