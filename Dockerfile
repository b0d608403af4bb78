# One image for every process: web, worker, beat and the commands.
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PERSONALIZE_NO_BOOTSTRAP=1 \
    VAR_DIR=/var/lib/personalize \
    STATIC_ROOT=/opt/personalize/static

WORKDIR /opt/personalize
# The packages change seldom: in a layer of their own they are installed once.
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt

COPY . .
RUN useradd --system --uid 10001 --home-dir /var/lib/personalize --create-home personalize \
    && SECRET_KEY=for-collecting-static-files-only python manage.py collectstatic --noinput --verbosity 0

USER personalize
VOLUME /var/lib/personalize
EXPOSE 8000
# exec: the server is process 1 and hears the order to stop.
# The access log names addresses without their query, where nothing belongs that a log should know.
ENV GUNICORN_CMD_ARGS="--access-logformat '%(h)s %(t)s %(m)s %(U)s %(s)s %(B)s %(M)sms'"
CMD ["sh", "-c", "exec gunicorn personalize.wsgi --bind 0.0.0.0:8000 --workers ${WEB_WORKERS:-2} --threads ${WEB_THREADS:-4} --access-logfile -"]
