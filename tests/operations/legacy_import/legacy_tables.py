"""A small database of the legacy system: its tables as SQLAlchemy made them, and rows of every kind."""

import json
import os
import uuid
from datetime import datetime
from typing import Any

import psycopg

from tests.running import empty_database

# Names of enums' values in capitals, dates without a zone, ids as text, except those of users.
TABLES = """
CREATE TYPE userrole AS ENUM ('USER', 'ADMIN');
CREATE TYPE userstatus AS ENUM ('PENDING', 'ACTIVE', 'SUSPENDED');
CREATE TABLE users (
    id UUID PRIMARY KEY, email VARCHAR(255) NOT NULL UNIQUE, google_id VARCHAR(255) UNIQUE, hashed_password VARCHAR,
    full_name VARCHAR(255), profile_picture VARCHAR(512), role userrole NOT NULL, status userstatus NOT NULL,
    created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL, last_login TIMESTAMP
);
CREATE TABLE looks (
    id VARCHAR(36) PRIMARY KEY, title VARCHAR, notes TEXT, generated_image_url VARCHAR NOT NULL, user_id VARCHAR(36),
    visibility VARCHAR(20) NOT NULL DEFAULT 'private', created_at TIMESTAMP, updated_at TIMESTAMP
);
CREATE TABLE products (
    id VARCHAR(36) PRIMARY KEY, look_id VARCHAR(36) NOT NULL REFERENCES looks(id) ON DELETE CASCADE, sku VARCHAR,
    name VARCHAR NOT NULL, designer VARCHAR, price DOUBLE PRECISION, product_url VARCHAR,
    thumbnail_url VARCHAR NOT NULL, created_at TIMESTAMP
);
CREATE TABLE look_shares (
    look_id VARCHAR(36) REFERENCES looks(id) ON DELETE CASCADE, user_id VARCHAR(36), shared_at TIMESTAMP,
    PRIMARY KEY (look_id, user_id)
);
CREATE TABLE video_jobs (
    id VARCHAR(36) PRIMARY KEY, user_id VARCHAR(36) NOT NULL, prompt TEXT, model VARCHAR(100) NOT NULL,
    resolution VARCHAR(20) NOT NULL, aspect_ratio VARCHAR(20) NOT NULL, duration_seconds INTEGER,
    generate_audio BOOLEAN, mock_mode BOOLEAN, initial_image_path VARCHAR, reference_images_paths JSON,
    status VARCHAR(20) NOT NULL, status_message TEXT, error_message TEXT, progress_percentage INTEGER, logs JSON,
    google_operation_name VARCHAR, cloudinary_url VARCHAR, cloudinary_public_id VARCHAR, veo_response JSONB,
    tokens_consumed INTEGER, created_at TIMESTAMP, started_at TIMESTAMP, completed_at TIMESTAMP, updated_at TIMESTAMP
);
CREATE TABLE look_videos (
    look_id VARCHAR(36) REFERENCES looks(id) ON DELETE CASCADE,
    video_job_id VARCHAR(36) REFERENCES video_jobs(id) ON DELETE CASCADE, is_default BOOLEAN NOT NULL DEFAULT false,
    created_at TIMESTAMP, PRIMARY KEY (look_id, video_job_id)
);
CREATE TABLE user_subscriptions (
    id VARCHAR PRIMARY KEY, user_id VARCHAR NOT NULL UNIQUE, tier VARCHAR NOT NULL, total_tokens INTEGER NOT NULL,
    available_tokens INTEGER NOT NULL, consumed_tokens INTEGER NOT NULL, period_end TIMESTAMPTZ
);
CREATE TABLE token_transactions (
    id VARCHAR PRIMARY KEY, user_id VARCHAR NOT NULL, type VARCHAR NOT NULL, amount INTEGER NOT NULL, description TEXT,
    balance_before INTEGER NOT NULL, balance_after INTEGER NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE links (id VARCHAR(36) PRIMARY KEY, user_id VARCHAR(36) NOT NULL, title VARCHAR(255) NOT NULL);
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
"""
CREATED = datetime(2025, 11, 2, 10, 30)  # noqa: DTZ001 - naive, as the legacy tables have it
CLOUD = "https://res.cloudinary.com/old/"


class LegacyDatabase:
    """The database, and rows for it; values that a test does not give are the usual ones."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg.connect(url, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def run(self, statement: str) -> None:
        self._connection.execute(statement)  # type: ignore[call-overload]  # a statement of a test

    def insert(self, table: str, **values: Any) -> str:
        """A row; returns its id."""
        names = ", ".join(values)
        places = ", ".join(["%s"] * len(values))
        self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values.values()))  # type: ignore[call-overload]
        return str(values.get("id", ""))

    def user(self, email: str, *, tokens: int | None = 100, **values: Any) -> str:
        usual = {"id": str(uuid.uuid4()), "role": "USER", "status": "ACTIVE", "created_at": CREATED}
        user_id = self.insert("users", **({**usual, "updated_at": CREATED, "email": email} | values))
        if tokens is not None:
            self.subscription(user_id, tokens)
        return user_id

    def subscription(self, user_id: str, tokens: int, tier: str = "free") -> None:
        facts = {"total_tokens": 100, "available_tokens": tokens, "consumed_tokens": 0}
        self.insert("user_subscriptions", id=str(uuid.uuid4()), user_id=user_id, tier=tier, **facts)

    def transaction(self, user_id: str, amount: int, balance_after: int) -> None:
        facts = {"amount": amount, "balance_before": balance_after - amount, "balance_after": balance_after}
        self.insert("token_transactions", id=str(uuid.uuid4()), user_id=user_id, type="consumption", **facts)

    def look(self, user_id: str | None, **values: Any) -> str:
        look_id = str(uuid.uuid4())
        url = f"{CLOUD}image/upload/v1/looks/{look_id}.png"
        usual = {"id": look_id, "user_id": user_id, "title": "Stone Essence", "generated_image_url": url}
        return self.insert("looks", **({**usual, "created_at": CREATED, "updated_at": CREATED} | values))

    def product(self, look_id: str, **values: Any) -> str:
        url = f"{CLOUD}image/upload/v1/products/ASH-1.png"  # named after the SKU: one file for many products
        usual = {"id": str(uuid.uuid4()), "look_id": look_id, "name": "Gown", "sku": "ASH-1", "thumbnail_url": url}
        return self.insert("products", **({**usual, "price": 120.0, "created_at": CREATED} | values))

    def job(self, user_id: str, **values: Any) -> str:
        job_id = str(uuid.uuid4())
        usual = {
            "id": job_id,
            "user_id": user_id,
            "prompt": "A beautiful sunset over mountains",
            "model": "models/gemini-2.0-flash-001",
            "resolution": "1280x720",
            "aspect_ratio": "16:9",
            "duration_seconds": 5,
            "mock_mode": False,
            "status": "SUCCEEDED",
            "progress_percentage": 100,
            "logs": json.dumps([{"timestamp": "2025-11-02T10:30:00", "level": "info", "message": "Started"}]),
            "google_operation_name": "models/veo/operations/1",
            "cloudinary_url": f"{CLOUD}video/upload/v1/ai_studio/videos/{job_id}.mp4",
            "tokens_consumed": 50,
            "created_at": CREATED,
            "completed_at": CREATED,
            "updated_at": CREATED,
        }
        return self.insert("video_jobs", **(usual | values))

    def link(self, look_id: str, job_id: str, **values: Any) -> None:
        self.insert("look_videos", **({"look_id": look_id, "video_job_id": job_id, "created_at": CREATED} | values))


def new_database(server: str) -> str:
    """The URL of an empty database on the server, with the tables of the legacy system."""
    url = empty_database(server)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
    return url


def server_url() -> str:
    """The PostgreSQL that this run tests with; where that is SQLite, one of its own."""
    if url := os.environ["DATABASE_URL"]:
        return url
    from tests.environment import _postgres_url  # noqa: PLC0415 - starts a server only where one is needed

    return _postgres_url()
