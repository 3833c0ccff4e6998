# The front door. Each target sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
BENCH ?= fielding
.PHONY: demo test lint bench llama-cpp docs picture clean

.venv/.installed: pyproject.toml constraints.txt
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]' -c constraints.txt
	touch $@

demo: .venv/.installed  ## the whole main job on real data; ends with the path of the report
	$(BIN)/mirrorpanel demo

test: .venv/.installed  ## all tests; those on real weights and data are skipped where these cannot be fetched
	-$(BIN)/mirrorpanel models pull smollm2-135m
	-$(BIN)/mirrorpanel data pull stevedata/gss_spending
	-$(BIN)/mirrorpanel data pull completejourney
	$(BIN)/python -m pytest

lint: .venv/.installed  ## format, lint, types and import contract
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

bench: .venv/.installed  ## one script of benchmarks/: make bench BENCH=fielding
	$(BIN)/python -m benchmarks.$(BENCH)

llama-cpp: .venv/.installed  ## a real llama.cpp for the tests, built once into the cache folder (10 to 20 minutes)
	$(BIN)/python -m benchmarks.llama_server

docs: .venv/.installed  ## figures and console blocks of README and docs/first-study.md, from real runs
	rm -rf demo-out
	$(BIN)/mirrorpanel demo 2>&1 | tee demo-output.txt
	$(BIN)/python docs/refresh.py demo demo-output.txt
	$(BIN)/mirrorpanel train demo-out/train.yaml --ladder -w demo-out
	$(BIN)/python docs/refresh.py ladder demo-out/reports/*/ladder.json
	$(BIN)/python -m pytest 2>&1 | tee test-output.txt
	$(BIN)/python docs/refresh.py tests test-output.txt
	$(BIN)/python docs/refresh.py study

picture: .venv/.installed  ## docs/report.png from the demo's report; needs Chromium
	$(BIN)/python docs/make_picture.py demo-out/reports/*/report.html

clean:
	rm -rf .venv demo-out
