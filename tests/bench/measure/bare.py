"""`python -m tests.bench.measure.bare DSN TIMES`: CPU seconds of connecting, asking and closing, with nothing around it."""

import sys
import time

import psycopg

QUERY = "SELECT aurora_version()"


def main(dsn: str, times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(QUERY).fetchone()
    return time.process_time() - began


if __name__ == "__main__":
    main(sys.argv[1], 3)  # what is imported and set up once
    print(main(sys.argv[1], int(sys.argv[2])))
