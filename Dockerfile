# One image for every role: the command says which (compose.yaml, render.yaml). Reads PORT; keeps its files in /data.

FROM python:3.11-slim-bookworm AS packages
RUN python -m venv /venv
COPY requirements.txt .
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --home-dir /data --shell /usr/sbin/nologin studio \
    && install --directory --owner studio --mode 0750 /data
WORKDIR /app
COPY --from=packages /venv /venv
# Named one by one: no other file, such as .env, can get into a layer.
COPY manage.py gunicorn.conf.py ./
COPY deploy/healthcheck.py deploy/studio-manage deploy/
COPY templates templates
COPY studio studio
COPY accounts accounts
COPY looks looks
COPY videos videos
COPY operations operations
# docker compose exec web studio-manage doctor
RUN chmod 755 deploy/studio-manage && ln -s /app/deploy/studio-manage /usr/local/bin/studio-manage
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
# for settings without ENVIRONMENT
ENV ENVIRONMENT=production
USER 10001
EXPOSE 8000 8001
# For the web process; the live process passes its port, the workers have none, and the sweeper's heartbeat is in /readyz.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["python", "deploy/healthcheck.py"]
CMD ["python", "-m", "gunicorn", "studio.wsgi:application"]
