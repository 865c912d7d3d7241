# One image, two commands: `manage.py web` and `manage.py worker`. Build: docker build -t orchestrator .
FROM python:3.13-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 DATA_DIR=/data BIND=0.0.0.0
RUN useradd --create-home --uid 10001 app && mkdir /data && chown app /data
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY --chown=app . .
USER app
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "web"]
