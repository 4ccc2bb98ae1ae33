"""`python -m target_platform.pipeline ingest FILE --title T --store DIR` makes a title of a master file.

`work` is one worker, for a store and a queue that others fill; `studio` fills them for ever and looks at what comes
out; `shelf` shows what is published to an origin elsewhere.

Exit status: 0 published, 2 refused, 130 or 143 interrupted, 1 anything else.

What all of them have to be told alike can stand in the environment: STEADFAST_STORE, STEADFAST_QUEUE,
STEADFAST_SCRATCH, STEADFAST_LEASE_SECONDS, each in place of the option of that name.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from target_platform.media.published import Published
from target_platform.pipeline.crew import Crew
from target_platform.pipeline.errors import PipelineError, Rejected
from target_platform.pipeline.ingest import Wish, ingest, parse_sides
from target_platform.pipeline.job import Job, Task
from target_platform.pipeline.listen import listen
from target_platform.pipeline.places import Open, opened
from target_platform.pipeline.profile import shipped
from target_platform.pipeline.publish import published
from target_platform.pipeline.scratch import Scratch
from target_platform.pipeline.shelf import shelf
from target_platform.pipeline.studio import Studio, make_trial_master
from target_platform.pipeline.tasks import Bench, read_job
from target_platform.pipeline.worker import TERMS, Worker
from target_platform.stores.objects.interface import ObjectsFailed
from target_platform.stores.objects.place import is_folder
from target_platform.stores.queue.interface import QueueFailed, Terms
from target_platform.stores.queue.place import is_file
from target_platform.topology import LICENCE_SECRET

_LOOK_SECONDS = 0.1
_IDLE_SECONDS = 0.05
EVERYWHERE = "everywhere"


def main() -> int:
    arguments = _parser().parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupted if arguments.command == "ingest" else _stopped)
    try:
        does = {"ingest": _ingest, "work": _work, "studio": _studio, "shelf": _shelf}
        return does[arguments.command](arguments)
    except Rejected as refused:
        print(refused, file=sys.stderr)
        return 2
    except (PipelineError, ObjectsFailed, QueueFailed) as failure:
        print(failure, file=sys.stderr)
        return 1


def _ingest(arguments: argparse.Namespace) -> int:
    wish = Wish(
        path=arguments.file.absolute(),  # a:b would be an address for ffmpeg, /a:b is a file
        title=arguments.title,
        profile=arguments.profile,
        language=arguments.language,
        subtitles=parse_sides(arguments.subtitles),
        dubs=parse_sides(arguments.dub),
        sha256=arguments.sha256,
        segment_seconds=arguments.segment_seconds,
        territories=arguments.territories,
    )
    with opened(arguments.store, arguments.queue, _terms(arguments)) as places:
        if arguments.workers:
            _scratch_folder(arguments)  # what is missing is better said now than by each worker
        job = ingest(places.objects, places.queue, wish)
        if isinstance(job, Published):
            return _told(job)
        crew = Crew(arguments.workers, _worker_words(arguments))
        try:
            shown = _when_published(places, job, crew)
        finally:
            crew.end()
    return _told(shown)


def _told(shown: Published) -> int:
    print(msgspec.json.encode(shown).decode())
    return 0


def _when_published(places: Open, job: Job, crew: Crew) -> Published:
    """Wait until the job is over. Raises PipelineError with the reason of the first task that is given up."""
    while True:
        shown = published(places.objects, job.title)
        if shown is not None and shown.version == job.id and read_job(places.objects, job.id) is None:
            return shown
        for dead in places.queue.dead():
            if dead.id.startswith(f"{job.run}."):
                task = msgspec.json.decode(dead.body, type=Task)
                raise PipelineError(
                    f"{job.title} is not published: {task} failed {dead.attempts} times. {dead.reason}\n"
                    "What is made is kept; the same command goes on with it."
                )
        crew.keep()
        time.sleep(_LOOK_SECONDS)


def _work(arguments: argparse.Namespace) -> int:
    """Until it is told to stop."""
    if arguments.one_core:
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {cores[arguments.core % len(cores)]})
    with opened(arguments.store, arguments.queue, _terms(arguments)) as places:
        scratch = Scratch(_scratch_folder(arguments))
        secret = os.environ.get("STEADFAST_LICENCE_SECRET", LICENCE_SECRET)
        bench = Bench(objects=places.objects, scratch=scratch, licence_secret=secret)
        worker = Worker(bench, places.queue, places.terms, arguments.acknowledge)
        if arguments.port:
            listen(arguments.port, lambda: (True, {"works": True}), arguments.host)
        try:
            while True:
                if not worker.work_once():
                    time.sleep(_IDLE_SECONDS)
        finally:
            scratch.close()


def _studio(arguments: argparse.Namespace) -> int:
    """Until it is told to stop."""
    with opened(arguments.store, arguments.queue, _terms(arguments)) as places:
        folder = _scratch_folder(arguments)
        folder.mkdir(parents=True, exist_ok=True)
        make_trial_master(folder / "trial.mp4")
        studio = Studio(places, folder / "trial.mp4")
        studio.make_one()  # who reaches it can ask it
        listen(arguments.port, studio.tell, arguments.host)
        while True:
            studio.make_one()


def _shelf(arguments: argparse.Namespace) -> int:
    """Until it is told to stop."""
    with opened(arguments.store, arguments.queue) as places:
        try:
            server = shelf(places.objects, arguments.host, arguments.port)
        except OSError as error:
            raise PipelineError(f"Port {arguments.port} cannot be listened on: {error.strerror}.") from error
        with server:
            server.serve_forever()
    return 0


def _scratch_folder(arguments: argparse.Namespace) -> Path:
    """Beside the queue if that is a file of its own, in the store if that is a folder. Raises Rejected."""
    if arguments.scratch is not None:
        return Path(arguments.scratch)
    if arguments.queue and is_file(arguments.queue):
        return Path(arguments.queue).parent / "scratch"
    if is_folder(arguments.store):
        return Path(arguments.store) / "scratch"
    raise Rejected("Workers need a disk of their own when store and queue are elsewhere: name a folder (--scratch).")


def _stopped(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _interrupted(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _terms(arguments: argparse.Namespace) -> Terms:
    return msgspec.structs.replace(TERMS, lease_seconds=arguments.lease_seconds)


def _worker_words(arguments: argparse.Namespace) -> list[str]:
    words = ["--store", arguments.store, "--lease-seconds", str(arguments.lease_seconds)]
    words += ["--queue", arguments.queue] if arguments.queue else []
    words += ["--scratch", str(arguments.scratch)] if arguments.scratch else []
    return [*words, "--one-core"] if arguments.one_core else words


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = {each.strip() for each in text.split(",")}
    if EVERYWHERE in names and len(names) > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is {EVERYWHERE} and somewhere: say one of them")
    return tuple(sorted(names - {EVERYWHERE}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m target_platform.pipeline", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    take_in = commands.add_parser("ingest", help="make a title of a master file")
    take_in.add_argument("file", type=Path, metavar="FILE")
    take_in.add_argument("--title", required=True, help="the title's id, as the catalogue has it")
    take_in.add_argument("--profile", default="small", choices=sorted(shipped().profiles))
    take_in.add_argument("--language", default="en", help="of the master's own sound")
    take_in.add_argument("--subtitles", action="append", default=[], metavar="LANGUAGE=FILE", help="WebVTT; repeatable")
    take_in.add_argument("--dub", action="append", default=[], metavar="LANGUAGE=FILE", help="sound; repeatable")
    take_in.add_argument("--sha256", default="", help="what the file's checksum must be")
    take_in.add_argument("--segment-seconds", type=float, default=0.0, help="instead of the profile's")
    take_in.add_argument(
        "--territories",
        type=_names,
        metavar="A,B",
        help=f"where it may be watched, or {EVERYWHERE} (default: as it is, for what is new {EVERYWHERE})",
    )
    take_in.add_argument("--workers", type=_count, default=os.cpu_count() or 1, help="0 if they run elsewhere")
    work = commands.add_parser("work", help="be a worker until told to stop (SIGTERM)")
    work.add_argument("--core", type=int, default=0, help="which one, with --one-core")
    work.add_argument("--port", type=int, default=0, help="answer GET there (default: do not)")
    work.add_argument("--acknowledge", choices=["stored", "at-once"], default="stored", help="at-once loses segments")
    studio = commands.add_parser("studio", help="hand in masters for ever, and answer GET whether titles are whole")
    studio.add_argument("--port", type=int, required=True)
    show = commands.add_parser("shelf", help="show what is published over HTTP, to origins elsewhere")
    show.add_argument("--port", type=int, required=True)
    for each in (work, studio, show):
        each.add_argument("--host", default="127.0.0.1", help="where to answer")
    for each in (take_in, work, studio, show):
        _add_places(each)
    for each in (take_in, work, studio):
        each.add_argument("--one-core", action="store_true", help="bind each worker to one core")
    return parser


def _add_places(command: argparse.ArgumentParser) -> None:
    """Their defaults are texts, so that argparse takes those of the environment as it takes words."""
    store = os.environ.get("STEADFAST_STORE")
    command.add_argument(
        "--store", default=store, required=not store, metavar="DIR", help="for objects and queue; or s3://BUCKET?..."
    )
    command.add_argument(
        "--queue",
        default=os.environ.get("STEADFAST_QUEUE", ""),
        metavar="FILE",
        help="for the queue (default: in the store); or nats://HOST:PORT/NAME",
    )
    command.add_argument(
        "--scratch",
        type=Path,
        default=os.environ.get("STEADFAST_SCRATCH"),
        metavar="DIR",
        help="the workers' own disk (default: beside the queue or the store)",
    )
    lease = os.environ.get("STEADFAST_LEASE_SECONDS", str(TERMS.lease_seconds))
    command.add_argument("--lease-seconds", type=float, default=lease, help="the same for all workers")


if __name__ == "__main__":
    sys.exit(main())
