.DEFAULT_GOAL := menu
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
HOST ?= 127.0.0.1
PORT ?= 8000
MODEL ?= vae
READY := $(VENV)/.ready

.PHONY: menu setup serve test check fix train lecture bench image clean

menu:
	@echo "latentserve: train deep generative image models, serve them over HTTP"
	@echo
	@echo "  make serve    set up, then serve the shipped models and the page on http://$(HOST):$(PORT);"
	@echo "                PORT=8001 takes another port"
	@echo "  make test     set up, then run the fast tests"
	@echo "  make train    train a model: MODEL=vae (default), dcgan or classifier"
	@echo "  make lecture  the figures of docs/lecture.md, each from its experiment"
	@echo "  make check    format, lint, types, import contracts, tests: what CI runs"
	@echo "  make fix      format and repair what ruff can"
	@echo "  make bench    measure the server beside its peers and the bare network"
	@echo "  make image    build the container image"
	@echo "  make setup    only make the environment in $(VENV)"
	@echo "  make clean    remove it"

setup: $(READY)

# uv where it is installed (several times faster), pip otherwise; pip's find-links are handed on to uv.
$(READY): pyproject.toml $(wildcard models_store/kernels/* service/media/writer/*)
	@if command -v uv >/dev/null 2>&1; then \
		uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
		UV_FIND_LINKS="$${UV_FIND_LINKS:-$$PIP_FIND_LINKS}" uv pip install -q --python $(RUN) -e '.[dev]'; \
	else \
		$(PYTHON) -m venv $(VENV) && $(RUN) -m pip install -q --disable-pip-version-check -e '.[dev]'; \
	fi
	@touch $@

serve: $(READY)
	$(RUN) -m service --host $(HOST) --port $(PORT)

# A worker for each core; the tests of a file stay together, for they share servers and browsers.
TESTS := $(RUN) -m pytest -q -n auto --dist loadfile

test: $(READY)
	$(TESTS)

check: $(READY)
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports
	$(TESTS)

fix: $(READY)
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

train: $(READY)
	$(RUN) -m training $(MODEL)

lecture: $(READY)
	$(RUN) -m training lecture all

bench: $(READY)
	$(RUN) -m benchmarks

image:
	docker build -t latentserve .

clean:
	rm -rf $(VENV)
