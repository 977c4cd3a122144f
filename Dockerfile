# The image that serves: service, models_store and the client's command line, nothing that trains, nothing that builds.
# GPU: docker build --build-arg PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cu130 .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
# CPU wheels by default; an empty value means PyPI only, whose Linux wheels carry CUDA.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
ARG TORCH_SPEC="torch>=2.10,<2.14"
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/venv/bin:$PATH
# The slow layer, rebuilt only when the pin changes.
RUN python -m venv /opt/venv && pip install "${TORCH_SPEC}"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
# The dependencies without the packages: the layer survives every change of code.
RUN mkdir models_store service training && touch models_store/__init__.py service/__init__.py training/__init__.py \
    && pip install . && pip uninstall -y latentserve && pip uninstall -y pip setuptools

# What is compiled; the image that serves has no compiler.
FROM ${PYTHON_IMAGE} AS kernels
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir "setuptools>=77"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY models_store/kernels models_store/kernels
COPY service/media/writer service/media/writer
RUN touch models_store/__init__.py service/__init__.py service/media/__init__.py \
    && python -c "import setuptools; setuptools.setup()" build_ext --inplace \
    && ls models_store/_kernels.abi3.so service/media/_writer.abi3.so

FROM ${PYTHON_IMAGE} AS serve
COPY --from=build /opt/venv /opt/venv
RUN useradd --uid 10001 --create-home latentserve
WORKDIR /app
COPY models_store models_store
COPY service service
COPY latentserve latentserve
COPY --from=kernels /src/models_store/_kernels.abi3.so models_store/
COPY --from=kernels /src/service/media/_writer.abi3.so service/media/
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MALLOC_ARENA_MAX=2 \
    LATENTSERVE_HOST=0.0.0.0 LATENTSERVE_PORT=8000
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["python", "-m", "service"]

# The image that trains: docker compose --profile train run train vae
FROM ${PYTHON_IMAGE} AS train
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
RUN python -m ensurepip && python -m pip install "matplotlib>=3.10" "resvg-py>=0.5" "tensorboard>=2.19" && python -m pip uninstall -y pip \
    && useradd --uid 10001 --create-home latentserve && mkdir -p /app/data /app/runs && chown 10001 /app/data /app/runs
WORKDIR /app
COPY models_store models_store
COPY training training
USER 10001
ENTRYPOINT ["python", "-m", "training"]
CMD ["--help"]

# Last, so that a plain `docker build .` serves.
FROM serve
