"""The gradebook's database: SQLite in the course folder, or a server that nbgrader is told of."""

import sqlite3
from contextlib import closing, contextmanager
from functools import lru_cache

import nbgrader.api
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from autograder.errors import CourseError

CONNECT_SECONDS = 10
DRIVERS = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"}  # package by module
NAMED = "The gradebook's database, c.CourseDirectory.db_url in nbgrader_config.py,"


def check_database(address):
    """Find out whether the gradebook can be used.

    Raises:
        CourseError: it cannot be reached or written, or its driver is missing; without any part
            of the address, which may hold a password.
    """
    try:
        url = make_url(address)
        return _check_file(url.database) if _is_file(url) else _check_server(url)
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise CourseError(
            f"{NAMED} has an address that cannot be read: give postgresql://user@host/name."
        ) from None
    except ModuleNotFoundError as error:
        package = DRIVERS.get(error.name, error.name)
        raise CourseError(f"{NAMED} needs a driver: run `pip install '{package}'`.") from None
    except SQLAlchemyError as error:
        raise unreachable(url, error) from None


@contextmanager
def one_engine():
    """Let nbgrader, which opens the gradebook ten times a submission, compile its SQL only once.

    SQLAlchemy keeps compiled SQL with its engine; closing the gradebook closes the connections.
    """
    made = nbgrader.api.create_engine
    nbgrader.api.create_engine = lru_cache(made)
    try:
        yield
    finally:
        nbgrader.api.create_engine = made


def _is_file(url):
    return url.get_backend_name() == "sqlite"


def _check_file(path):
    try:
        with closing(sqlite3.connect(path, timeout=2)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("PRAGMA user_version = 1")  # a write that is taken back
            database.rollback()
    except sqlite3.Error as error:
        raise CourseError(
            f"The gradebook {path} cannot be written ({error}); if it "
            "is locked, wait for the program that uses it or close that, and try again."
        ) from error


def _check_server(url):
    """Connect, and make a table that nobody else sees and that goes with the connection."""
    waiting = {"connect_timeout": CONNECT_SECONDS} if url.get_driver_name() in DRIVERS else {}
    engine = create_engine(url, connect_args=waiting)
    try:
        with engine.connect() as connection:
            connection.execute(text("CREATE TEMPORARY TABLE written (yes INTEGER)"))
    finally:
        engine.dispose()


def unreachable(address, error):
    """The CourseError for a database that cannot be used."""
    reason = _reason(make_url(address), error)
    return CourseError(f"{NAMED} cannot be used ({reason}); start the server or mend the address.")


def _reason(url, error):
    """The driver's words, unless they might hold a password, such as one with an @ in it."""
    lines = [line.strip() for line in str(getattr(error, "orig", error)).splitlines()]
    lines = [line for line in lines if line]
    said = lines[0].rstrip(".") if lines else type(error).__name__
    address = f"{url.username}{url.password}{url.host}{url.database}{url.query}"
    secret = (url.password and str(url.password) in said) or "@" in address
    return type(error).__name__ if secret else said
