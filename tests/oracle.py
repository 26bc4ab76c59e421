"""Random tables, rows, queries and writes, with a real database as the judge of what depends on what.

Whenever a write changes the answer of a query, what the query read and what the write changed must have a tag in
common. `python -m tests.oracle 20000` judges so many pairs and prints what it saw.
"""

from __future__ import annotations

import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count, islice
from typing import Any
from unittest.mock import patch
from uuid import UUID

import django
from django.apps import apps
from django.apps.registry import Apps
from django.db import DatabaseError, connection, models, transaction
from django.db.models import Count, Exists, F, Max, OuterRef, Q

PAIRS_PER_SCHEMA = 50
LETTERS = "abcdef"
NUMBERS = range(5)
_schemas = count()

Model = type[models.Model]
Work = Callable[[], Any]


class UndoneError(Exception):
    """What a write did is judged, and undone."""


class Site:
    """Three tables of a random form, with a few rows."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.apps = Apps()
        self.prefix = f"oracle{next(_schemas)}"
        self.models: list[Model] = []
        for name in ("A", "B", "C"):
            self.models.append(self._model(name))

    def _model(self, name: str) -> Model:
        dice = self.dice
        meta = {"apps": self.apps, "app_label": self.prefix}
        if dice.random() < 0.5:
            meta["constraints"] = [
                models.UniqueConstraint(fields=["x", "y"], name=f"{self.prefix}_{name}_xy")
            ]
        fields: dict[str, Any] = {
            "slug": models.CharField(max_length=9, unique=dice.random() < 0.8),
            "x": models.IntegerField(null=dice.random() < 0.3),
            "y": models.IntegerField(default=0, db_column=dice.choice(["y", "Why"])),
            "Meta": type("Meta", (), meta),
            "__module__": __name__,
        }
        if dice.random() < 0.3:
            fields["id"] = models.UUIDField(primary_key=True)
        for to in self.models:
            kind = dice.choice([models.ForeignKey, models.ForeignKey, models.OneToOneField])
            field = to.__name__.lower()
            fields[field] = kind(to, models.CASCADE, null=True, related_name=f"{name.lower()}_of")
        return type(name, (models.Model,), fields)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Let the tables stand, and the code know them as those of the site."""
        from pagecache.events import settings_reloaded  # noqa: PLC0415 Django is set up first

        try:
            with patch.object(apps, "get_models", lambda **_: self.models):
                settings_reloaded.send(None)
                with self._made():
                    yield
        finally:
            settings_reloaded.send(None)

    @contextmanager
    def _made(self) -> Iterator[None]:
        with connection.schema_editor() as editor:
            for model in self.models:
                editor.create_model(model)
        try:
            for model in self.models:
                self.fill(model)
            yield
        finally:
            with connection.schema_editor() as editor:
                for model in reversed(self.models):
                    editor.delete_model(model)

    def fill(self, model: Model) -> None:
        for _ in range(8):
            with suppress(DatabaseError), transaction.atomic():
                self.made(model).save(force_insert=True)

    def made(self, model: Model) -> models.Model:
        dice = self.dice
        values: dict[str, Any] = {
            "slug": dice.choice(LETTERS), "x": dice.choice(NUMBERS), "y": dice.choice(NUMBERS)
        }  # fmt: skip
        if isinstance(model._meta.pk, models.UUIDField):
            values["id"] = self.key(model)
        return model(**values, **{name: self.some(to) for name, to in self.to(model)})

    def to(self, model: Model) -> list[tuple[str, Model]]:
        """The foreign keys of a table, and what they point to."""
        at = self.models.index(model)
        return [(f"{to.__name__.lower()}_id", to) for to in self.models[:at]]

    def some(self, model: Model) -> Any:
        """The key of a row, or none."""
        keys = [None, *model._base_manager.values_list("pk", flat=True)]
        return self.dice.choice(keys)

    def key(self, model: Model) -> Any:
        """A key that may have a row."""
        number = self.dice.randrange(1, 6)
        return UUID(int=number) if isinstance(model._meta.pk, models.UUIDField) else number

    def query(self, model: Model) -> tuple[str, Work]:
        """One query, with a word for what it is; gives its answer when it is called."""
        dice = self.dice
        found = self.narrowed(model._base_manager.all())
        relations = [name.removesuffix("_id") for name, _ in self.to(model)]
        if relations and dice.random() < 0.4:
            found = found.select_related(*dice.sample(relations, dice.randint(1, len(relations))))
        fetched = [field.attname for field in model._meta.concrete_fields]

        def rows() -> Any:
            return [
                [getattr(one, name) for name in fetched]
                + [str(getattr(getattr(one, name), "slug", None)) for name in relations]
                for one in found
            ]

        ways: dict[str, Work] = {
            "rows": rows,
            "first": lambda: str(found.order_by("pk").values_list().first()),
            "distinct": lambda: sorted(map(str, found.values_list("pk", "x").distinct())),
            "slice": lambda: list(found.order_by("slug", "pk").values_list()[:1]),
            "count": found.count,
            "exists": found.exists,
            "max": lambda: found.aggregate(Max("x"), Count("pk")),
            "in bulk": lambda: sorted(map(str, found.values_list("pk", "slug"))),
            "text": lambda: self.text(model),
        }
        name = dice.choice([*ways, "rows", "rows", "rows"])
        return f"{name} {found.query}", ways[name]

    def narrowed(self, found: Any) -> Any:
        """A query with conditions: such that find one row, and such that do not."""
        dice, model = self.dice, found.model
        keys = [self.key(model) for _ in range(dice.randint(1, 3))]
        conditions: list[Callable[[], Q]] = [
            lambda: Q(pk=keys[0]),
            lambda: Q(pk__in=keys),
            *[lambda: Q(slug=dice.choice(LETTERS))] * 3,
            lambda: Q(slug__in=dice.sample(LETTERS, 2)),
            lambda: Q(x=dice.choice(NUMBERS), y=dice.choice(NUMBERS)),
            lambda: Q(x__range=(1, dice.choice(NUMBERS))),
            lambda: ~Q(slug=dice.choice(LETTERS)),
            lambda: Q(pk=keys[0]) | Q(slug=dice.choice(LETTERS)),
            lambda: Q(x__gt=F("y")),
            lambda: Q(Exists(model._base_manager.filter(x=OuterRef("y")))),
            *(self._through(name, to) for name, to in self.to(model)),
        ]
        for condition in dice.sample(conditions, dice.choice([1, 1, 1, 2])):
            found = found.filter(condition())
        return found

    def _through(self, name: str, to: Model) -> Callable[[], Q]:
        relation = name.removesuffix("_id")
        if self.dice.random() < 0.5:
            return lambda: Q(**{name: self.some(to)})
        return lambda: Q(**{f"{relation}__slug": self.dice.choice(LETTERS)})

    def text(self, model: Model) -> Any:
        """What a query in SQL of the site's own finds."""
        quote = connection.ops.quote_name
        table, key = quote(model._meta.db_table), quote(str(model._meta.pk.column))
        conditions: dict[str, list[Any]] = {
            f"t.{key} = %s": [self.dice.randrange(1, 8)],
            f"{key} = {self.dice.randrange(1, 8)}": [],
            "slug = %s AND x BETWEEN %s AND 3": [self.dice.choice(LETTERS), 1],
            "(slug = %s OR x = %s)": [self.dice.choice(LETTERS), 2],
        }
        condition = self.dice.choice(list(conditions))
        if not isinstance(model._meta.pk, models.AutoField):
            condition = "(slug = %s OR x = %s)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT slug, t.{key} FROM {table} t WHERE {condition}", conditions[condition]
            )
            return cursor.fetchall()

    def write(self, model: Model) -> tuple[str, Work]:
        """One write, with a word for what it is."""
        dice = self.dice
        rows, key = model._base_manager, self.key(model)
        some = self.narrowed(rows.all())
        new = {"x": dice.choice(NUMBERS), "slug": dice.choice(LETTERS + "uvwxyz")}
        ways: dict[str, Work] = {
            "save": lambda: self._saved(model, new),
            "save fields": lambda: self._saved(model, new, update_fields=["x"]),
            "update": lambda: rows.filter(pk=key).update(**new),
            "update all": lambda: rows.update(y=F("y") + 1),
            "update some": lambda: rows.filter(pk__in=list(some.values_list("pk", flat=True))).update(x=9),
            "update where": lambda: rows.filter(x=new["x"]).update(y=9),
            "insert": lambda: self.made(model).save(force_insert=True),
            "insert another": lambda: self.made(model).save(force_insert=True),
            "insert or not": lambda: rows.bulk_create([self.made(model)], ignore_conflicts=True),
            "bulk update": lambda: self._in_bulk(rows, new),
            "delete": lambda: rows.filter(pk=key).delete(),
            "delete where": lambda: rows.filter(x=new["x"]).delete(),
            "delete one": lambda: [one.delete() for one in rows.filter(pk=key)],
            "point": lambda: [rows.filter(pk=key).update(**{name: self.some(to)}) for name, to in self.to(model)],
            "swap": lambda: self._swapped(model),
        }  # fmt: skip
        name = dice.choice(list(ways))
        return f"{name} {model.__name__} {key} {new}", ways[name]

    def _saved(self, model: Model, new: dict[str, Any], **how: Any) -> None:
        if one := model._base_manager.filter(pk=self.key(model)).first():
            for name, value in new.items():
                setattr(one, name, value)
            one.save(**how)

    def _in_bulk(self, rows: Any, new: dict[str, Any]) -> None:
        found = list(rows.order_by("pk")[:2])
        for one in found:
            one.x = new["x"]
        rows.bulk_update(found, ["x"])

    def _swapped(self, model: Model) -> None:
        """Give a row the slug that another had: what finds it by its slug finds another row."""
        rows = model._base_manager
        if len(slugs := list(rows.order_by("pk").values_list("pk", "slug")[:2])) > 1:
            (first, one), (second, other) = slugs
            for key, slug in ((first, "tmp"), (second, one), (first, other)):
                rows.filter(pk=key).update(slug=slug)


def judged(seed: int, pairs: int) -> Iterator[tuple[str, set[str], set[str], bool]]:
    """Yield pairs of queries and writes: what they are, what each touched, and whether the answer changed."""
    dice = random.Random(seed)
    done = 0
    while done < pairs:
        site = Site(dice)
        with site.standing():
            for _ in range(PAIRS_PER_SCHEMA):
                model = dice.choice(site.models)
                other = dice.choice([model, model, *site.models])
                (read_name, read), (write_name, write) = site.query(model), site.write(other)
                if found := _judge(dice, read, write):
                    done += 1
                    yield f"{read_name} / {write_name}", *found


def _judge(dice: random.Random, read: Work, write: Work) -> tuple[set[str], set[str], bool] | None:
    """Return what a query read, what a write changed, and whether the answer changed; nothing where a write fails."""
    from pagecache.recording.recorder import Recorder, recording  # noqa: PLC0415 the same
    from pagecache.writes import writes  # noqa: PLC0415 Django is set up first

    state, render, found = dice.getstate(), Recorder(), None
    with suppress(UndoneError, DatabaseError), transaction.atomic():
        with recording(render):
            before = repr(read())
        after_read = dice.getstate()
        write()
        tags = set(writes.unannounced())
        dice.setstate(state)
        found = render.tags, tags, repr(read()) != before
        dice.setstate(after_read)
        raise UndoneError
    return found


def report(seed: int, pairs: int) -> Counter[str]:
    """Count what was seen; those that are missed are named."""
    counts: Counter[str] = Counter()
    for name, read, written, changed in islice(judged(seed, pairs), pairs):
        common = not read.isdisjoint(written)
        counts["pairs"] += 1
        counts["changed"] += changed
        counts["by row"] += any(tag.endswith(":*") for tag in read)
        counts["kept"] += bool(written) and not common
        if changed and not common:
            counts[f"missed: {name}: {sorted(read)} {sorted(written)}"] += 1
    return counts


def missed(seen: Counter[str]) -> list[str]:
    """Return the pairs that were missed."""
    return [name for name in seen if name.startswith("missed")]


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    seen = report(random.randrange(2**32), int(sys.argv[1]))
    print(", ".join(f"{number} {name}" for name, number in seen.items()))
    sys.exit(bool(missed(seen)))
