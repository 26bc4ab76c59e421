PYTHON ?= python3
MINUTES ?= 1
IN = .venv/bin/python -m
BESIDE_REDIS = $(IN) tests.servers redis --

.PHONY: setup demo serve test check bench soak dist

# One stamp for each dependency group; dependency groups need pip 25.1.
.venv/.%: pyproject.toml
	$(PYTHON) -m venv .venv && $(IN) pip install --quiet --upgrade "pip>=25.1"
	$(IN) pip install --quiet --editable ".[all]" --group $* && touch $@

setup: .venv/.dev

# Where no Redis can run (status 3), the site does with one process and its memory.
demo: .venv/.demo
	$(BESIDE_REDIS) $(IN) demo_site.drive || { test $$? = 3 && $(IN) demo_site.drive; }

serve: .venv/.demo
	$(BESIDE_REDIS) $(IN) demo_site.drive --serve || { test $$? = 3 && $(IN) demo_site.drive --serve; }

test: .venv/.dev
	$(IN) pytest -n auto

check: .venv/.dev
	.venv/bin/python .ci/check.py

bench: .venv/.bench
	$(BESIDE_REDIS) $(IN) benchmarks $(ARGS)

soak: .venv/.dev
	$(IN) tests.oracle 20000
	$(BESIDE_REDIS) $(IN) tests.soak --minutes $(MINUTES)

dist: .venv/.dev
	$(IN) build --outdir dist .
