FROM python:3.12-slim
WORKDIR /opt/vitrina
COPY requirements/runtime.txt requirements/
RUN pip install --no-cache-dir --require-hashes --no-deps --requirement requirements/runtime.txt
COPY pyproject.toml README.md LICENSE NOTICE CHANGELOG.md ./
COPY migrations migrations
COPY sql sql
COPY src src
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && useradd --system vitrina
USER vitrina
ENTRYPOINT ["vitrina"]
CMD ["--help"]
