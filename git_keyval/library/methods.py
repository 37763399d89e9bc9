"""The commands as methods. Written by `make documents` from the commands; edit them there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from git_keyval.library.arguments import UNSET, Data, Key, Span, Unset
from git_keyval.library.results import Result


class Commands:
    """The commands of step mode."""

    def _run(self, name: str, default: object = None, **arguments: object) -> Result[Any]:
        raise NotImplementedError

    def get(
        self,
        key: Key,
        *,
        default: Data | None = None,
    ) -> Result[Any]:
        """Read a key."""
        return self._run(
            "get",
            key=key,
            default=default,
        )

    def set(
        self,
        key: Key,
        value: Data,
        *,
        store_key: bool | None = None,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        media_type: str | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        keep_ttl: bool | None = None,
        if_: Literal["absent", "present"] | None = None,
        get_old: bool | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Write a key, with conditions and a time to live."""
        return self._run(
            "set",
            key=key,
            value=value,
            store_key=store_key,
            type=type,
            media_type=media_type,
            ttl=ttl,
            expires_at=expires_at,
            keep_ttl=keep_ttl,
            if_=if_,
            get_old=get_old,
            if_version=if_version,
            op_id=op_id,
        )

    def append(
        self,
        key: Key,
        value: Data,
        *,
        store_key: bool | None = None,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        media_type: str | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Add text at the end of a key's value."""
        return self._run(
            "append",
            key=key,
            value=value,
            store_key=store_key,
            type=type,
            media_type=media_type,
            if_version=if_version,
            op_id=op_id,
        )

    def delete(
        self,
        *keys: Key,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Delete keys."""
        return self._run(
            "del",
            keys=list(keys),
            if_version=if_version,
            op_id=op_id,
        )

    def getdel(
        self,
        key: Key,
        *,
        if_version: str | None = None,
        op_id: str | None = None,
        default: Data | None = None,
    ) -> Result[Any]:
        """Delete a key and answer with its value; one caller only gets it."""
        return self._run(
            "getdel",
            key=key,
            if_version=if_version,
            op_id=op_id,
            default=default,
        )

    def exists(
        self,
        *keys: Key,
    ) -> Result[None]:
        """Tell whether keys exist."""
        return self._run(
            "exists",
            keys=list(keys),
        )

    def type(
        self,
        key: Key,
    ) -> Result[None]:
        """Tell the type of a key's value."""
        return self._run(
            "type",
            key=key,
        )

    def mget(
        self,
        *keys: Key,
    ) -> Result[dict[str, Any]]:
        """Read several keys at once."""
        return self._run(
            "mget",
            keys=list(keys),
        )

    def mset(
        self,
        values: Mapping[str, Data],
        *,
        store_key: bool | None = None,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Write several keys, all or none."""
        return self._run(
            "mset",
            values=values,
            store_key=store_key,
            type=type,
            ttl=ttl,
            expires_at=expires_at,
            op_id=op_id,
        )

    def expire(
        self,
        key: Key,
        *,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        if_: Literal["longer", "shorter", "none", "some"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Give a key a new time to expire."""
        return self._run(
            "expire",
            key=key,
            ttl=ttl,
            expires_at=expires_at,
            if_=if_,
            if_version=if_version,
            op_id=op_id,
        )

    def persist(
        self,
        key: Key,
        *,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Take a key's expiry away."""
        return self._run(
            "persist",
            key=key,
            if_version=if_version,
            op_id=op_id,
        )

    def ttl(
        self,
        key: Key,
    ) -> Result[None]:
        """Tell how long a key has left."""
        return self._run(
            "ttl",
            key=key,
        )

    def copy(
        self,
        key: Key,
        to: Key,
        *,
        if_: Literal["absent"] | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Copy what a key holds to another key, with its lifetime."""
        return self._run(
            "copy",
            key=key,
            to=to,
            if_=if_,
            op_id=op_id,
        )

    def rename(
        self,
        key: Key,
        to: Key,
        *,
        if_: Literal["absent"] | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Give what a key holds another key, in one step."""
        return self._run(
            "rename",
            key=key,
            to=to,
            if_=if_,
            op_id=op_id,
        )

    def incr(
        self,
        key: Key,
        *,
        store_key: bool | None = None,
        start: int | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        refresh_ttl: bool | None = None,
        by: int | None = None,
        pad: int | None = None,
        contention: Literal["retry", "breadcrumb"] | None = None,
        op_id: str | None = None,
    ) -> Result[int]:
        """Add to a counter, exactly once."""
        return self._run(
            "incr",
            key=key,
            store_key=store_key,
            start=start,
            ttl=ttl,
            expires_at=expires_at,
            refresh_ttl=refresh_ttl,
            by=by,
            pad=pad,
            contention=contention,
            op_id=op_id,
        )

    def decr(
        self,
        key: Key,
        *,
        store_key: bool | None = None,
        start: int | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        refresh_ttl: bool | None = None,
        by: int | None = None,
        pad: int | None = None,
        contention: Literal["retry", "breadcrumb"] | None = None,
        op_id: str | None = None,
    ) -> Result[int]:
        """Subtract from a counter, exactly once."""
        return self._run(
            "decr",
            key=key,
            store_key=store_key,
            start=start,
            ttl=ttl,
            expires_at=expires_at,
            refresh_ttl=refresh_ttl,
            by=by,
            pad=pad,
            contention=contention,
            op_id=op_id,
        )

    def hget(
        self,
        key: Key,
        field: str | Unset = UNSET,
        *,
        fields: list[str] | None = None,
        default: Data | None = None,
    ) -> Result[Any]:
        """Read a field of a map, or several."""
        return self._run(
            "hget",
            key=key,
            field=field,
            fields=fields,
            default=default,
        )

    def hset(
        self,
        key: Key,
        field: str | Unset = UNSET,
        value: Data | Unset = UNSET,
        values: Mapping[str, Data] | Unset = UNSET,
        *,
        store_key: bool | None = None,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        media_type: str | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        keep_ttl: bool | None = None,
        if_: Literal["absent", "present"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Write fields of a map, and leave the others as they are."""
        return self._run(
            "hset",
            key=key,
            field=field,
            value=value,
            values=values,
            store_key=store_key,
            type=type,
            media_type=media_type,
            ttl=ttl,
            expires_at=expires_at,
            keep_ttl=keep_ttl,
            if_=if_,
            if_version=if_version,
            op_id=op_id,
        )

    def hincr(
        self,
        key: Key,
        field: str,
        *,
        store_key: bool | None = None,
        start: int | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        keep_ttl: bool | None = None,
        by: int | None = None,
        op_id: str | None = None,
    ) -> Result[int]:
        """Add to a number that is a field of a map."""
        return self._run(
            "hincr",
            key=key,
            field=field,
            store_key=store_key,
            start=start,
            ttl=ttl,
            expires_at=expires_at,
            keep_ttl=keep_ttl,
            by=by,
            op_id=op_id,
        )

    def hdel(
        self,
        key: Key,
        *fields: str,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Remove fields of a map."""
        return self._run(
            "hdel",
            key=key,
            fields=list(fields),
            if_version=if_version,
            op_id=op_id,
        )

    def hgetall(
        self,
        key: Key,
    ) -> Result[dict[str, Any]]:
        """Read all fields of a map."""
        return self._run(
            "hgetall",
            key=key,
        )

    def hkeys(
        self,
        key: Key,
    ) -> Result[list[Any]]:
        """List the fields of a map."""
        return self._run(
            "hkeys",
            key=key,
        )

    def hlen(
        self,
        key: Key,
    ) -> Result[None]:
        """Count the fields of a map."""
        return self._run(
            "hlen",
            key=key,
        )

    def hexpire(
        self,
        key: Key,
        *fields: str,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        if_: Literal["longer", "shorter", "none", "some"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Give fields of a map a new time to expire."""
        return self._run(
            "hexpire",
            key=key,
            fields=list(fields),
            ttl=ttl,
            expires_at=expires_at,
            if_=if_,
            if_version=if_version,
            op_id=op_id,
        )

    def httl(
        self,
        key: Key,
        field: str,
    ) -> Result[None]:
        """Tell how long a field of a map has left."""
        return self._run(
            "httl",
            key=key,
            field=field,
        )

    def hpersist(
        self,
        key: Key,
        *fields: str,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Take the expiry of fields of a map away."""
        return self._run(
            "hpersist",
            key=key,
            fields=list(fields),
            if_version=if_version,
            op_id=op_id,
        )

    def aget(
        self,
        key: Key,
        index: int,
        *,
        default: Data | None = None,
    ) -> Result[Any]:
        """Read an element of an array."""
        return self._run(
            "aget",
            key=key,
            index=index,
            default=default,
        )

    def aset(
        self,
        key: Key,
        index: int,
        value: Data,
        *,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        media_type: str | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        keep_ttl: bool | None = None,
        if_: Literal["absent", "present"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Write an element of an array, or fill a hole."""
        return self._run(
            "aset",
            key=key,
            index=index,
            value=value,
            type=type,
            media_type=media_type,
            ttl=ttl,
            expires_at=expires_at,
            keep_ttl=keep_ttl,
            if_=if_,
            if_version=if_version,
            op_id=op_id,
        )

    def apush(
        self,
        key: Key,
        value: Data | Unset = UNSET,
        values: list[Data] | Unset = UNSET,
        *,
        store_key: bool | None = None,
        type: Literal["string", "number", "boolean", "json", "bytes", "file", "counter"] | None = None,
        media_type: str | None = None,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Add elements at the end of an array."""
        return self._run(
            "apush",
            key=key,
            value=value,
            values=values,
            store_key=store_key,
            type=type,
            media_type=media_type,
            ttl=ttl,
            expires_at=expires_at,
            if_version=if_version,
            op_id=op_id,
        )

    def apop(
        self,
        key: Key,
        *,
        from_: Literal["first", "last"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
        default: Data | None = None,
    ) -> Result[Any]:
        """Take the last element of an array, or the first; one caller only gets it."""
        return self._run(
            "apop",
            key=key,
            from_=from_,
            if_version=if_version,
            op_id=op_id,
            default=default,
        )

    def alen(
        self,
        key: Key,
    ) -> Result[None]:
        """Tell how long an array is."""
        return self._run(
            "alen",
            key=key,
        )

    def arange(
        self,
        key: Key,
        *,
        start: int | None = None,
        stop: int | None = None,
    ) -> Result[list[Any]]:
        """Read the elements of an array, or some of them."""
        return self._run(
            "arange",
            key=key,
            start=start,
            stop=stop,
        )

    def aexpire(
        self,
        key: Key,
        index: int,
        *,
        ttl: Span | None = None,
        expires_at: datetime | str | None = None,
        if_: Literal["longer", "shorter", "none", "some"] | None = None,
        if_version: str | None = None,
        op_id: str | None = None,
    ) -> Result[None]:
        """Give an element of an array a new time to expire."""
        return self._run(
            "aexpire",
            key=key,
            index=index,
            ttl=ttl,
            expires_at=expires_at,
            if_=if_,
            if_version=if_version,
            op_id=op_id,
        )

    def redirect(
        self,
        *keys: Key,
        if_version: str | None = None,
        redirect_to: str | None = None,
        redirect_shard_length: int | None = None,
    ) -> Result[None]:
        """Say that keys live in another repository."""
        return self._run(
            "redirect",
            keys=list(keys),
            if_version=if_version,
            redirect_to=redirect_to,
            redirect_shard_length=redirect_shard_length,
        )

    def unlock(
        self,
        key: Key,
        *,
        owner: str | None = None,
        slots: int | None = None,
    ) -> Result[None]:
        """Release a lock, or the slot of it, that its owner still holds."""
        return self._run(
            "unlock",
            key=key,
            owner=owner,
            slots=slots,
        )

    def wait(
        self,
        key: Key,
        until: Literal["present", "absent", "changed", "equals", "less-than", "at-least"],
        field: str | Unset = UNSET,
        *,
        if_version: str | None = None,
        equals: str | None = None,
        less_than: float | Decimal | None = None,
        at_least: float | Decimal | None = None,
        default: Data | None = None,
        wait: Span | None = None,
    ) -> Result[Any]:
        """Wait until a key, or a field of a map, is as it should be, and read it."""
        return self._run(
            "wait",
            key=key,
            until=until,
            field=field,
            if_version=if_version,
            equals=equals,
            less_than=less_than,
            at_least=at_least,
            default=default,
            wait=wait,
        )

    def require(
        self,
        key: Key,
        field: str | Unset = UNSET,
        *,
        if_: Literal["absent", "present"] | None = None,
        if_version: str | None = None,
        equals: str | None = None,
        less_than: float | Decimal | None = None,
        at_least: float | Decimal | None = None,
    ) -> Result[None]:
        """Check that a key, or a field of a map, is as it should be."""
        return self._run(
            "assert",
            key=key,
            field=field,
            if_=if_,
            if_version=if_version,
            equals=equals,
            less_than=less_than,
            at_least=at_least,
        )


class Jobs:
    """The commands that maintain."""

    def _run(self, name: str, default: object = None, **arguments: object) -> Result[Any]:
        raise NotImplementedError

    def gather(
        self,
        *,
        dry_run: bool | None = None,
        grace_period: Span | None = None,
        max_writes: int | None = None,
        max_seconds: int | None = None,
    ) -> Result[dict[str, Any]]:
        """Fold counter breadcrumbs into their counters."""
        return self._run(
            "gather",
            dry_run=dry_run,
            grace_period=grace_period,
            max_writes=max_writes,
            max_seconds=max_seconds,
        )

    def sweep(
        self,
        *,
        dry_run: bool | None = None,
        max_writes: int | None = None,
        max_seconds: int | None = None,
    ) -> Result[dict[str, Any]]:
        """Remove expired keys and elements."""
        return self._run(
            "sweep",
            dry_run=dry_run,
            max_writes=max_writes,
            max_seconds=max_seconds,
        )

    def purge(
        self,
        *,
        dry_run: bool | None = None,
        retention: Span | None = None,
        max_writes: int | None = None,
        max_seconds: int | None = None,
    ) -> Result[dict[str, Any]]:
        """Delete what getdel parked, once it is old."""
        return self._run(
            "purge",
            dry_run=dry_run,
            retention=retention,
            max_writes=max_writes,
            max_seconds=max_seconds,
        )

    def maintain(
        self,
        *,
        dry_run: bool | None = None,
        grace_period: Span | None = None,
        retention: Span | None = None,
        max_writes: int | None = None,
        max_seconds: int | None = None,
    ) -> Result[dict[str, Any]]:
        """Gather, sweep and purge."""
        return self._run(
            "maintain",
            dry_run=dry_run,
            grace_period=grace_period,
            retention=retention,
            max_writes=max_writes,
            max_seconds=max_seconds,
        )

    def init(
        self,
    ) -> Result[None]:
        """Make a repository ready to be a database."""
        return self._run(
            "init",
        )

    def check(
        self,
        *,
        repair: bool | None = None,
        dry_run: bool | None = None,
    ) -> Result[dict[str, Any]]:
        """Verify a database and say what to do about what is wrong; with repair, do it."""
        return self._run(
            "check",
            repair=repair,
            dry_run=dry_run,
        )

    def info(
        self,
    ) -> Result[dict[str, Any]]:
        """Tell what there is, when it ends, what waits, and how much room is left."""
        return self._run(
            "info",
        )

    def page(
        self,
        *,
        names_from: str | None = None,
    ) -> Result[None]:
        """Write a page that shows what there is, what waits and what is wrong."""
        return self._run(
            "page",
            names_from=names_from,
        )

    def publish_expiries(
        self,
        *,
        dry_run: bool | None = None,
        horizon: Span | None = None,
        max_writes: int | None = None,
        max_seconds: int | None = None,
    ) -> Result[dict[str, Any]]:
        """Publish the days on which keys may expire, in an expiry registry."""
        return self._run(
            "publish-expiries",
            dry_run=dry_run,
            horizon=horizon,
            max_writes=max_writes,
            max_seconds=max_seconds,
        )
