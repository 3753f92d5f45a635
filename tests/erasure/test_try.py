import time, sys
from datetime import date
from pathlib import Path
import pytest
from ml import pipeline
from ml.adapters import postgres
from tests.small_shop import fill
from tests.erasure import planted as p
def test_try(settings):
    fill(settings.shop_url, p.tables())
    t=time.time()
    for n in (4,5):
        r=pipeline.run_night(settings, date(2025,3,n))
        print(n, r["status"], r["quarantine"], time.time()-t)
    print(pipeline.score_new(settings,"risk"))
    want=p.needles(settings.hash_key)
    f=p.in_files(settings.home, want); d=p.in_database(settings.database_url, want)
    print(sum(f.values()), sum(d.values())); print(f.most_common(100)); print(d)
    t=time.time()
    look=pipeline.look_for(settings, p.WHO)
    print("LOOK", sum(look["hits"].values()), look, time.time()-t)
    with postgres.transaction(settings.shop_url) as c:
        c.execute("INSERT INTO shop.erasure VALUES (%s, now())",(p.WHO,))
    t=time.time()
    rec=pipeline.erase(settings, progress=print)
    print(rec, time.time()-t)
    f=p.in_files(settings.home, want); d=p.in_database(settings.database_url, want)
    print("AFTER", f, d)
    t=time.time()
    print(pipeline.look_for(settings, p.WHO), time.time()-t)
    r=pipeline.run_night(settings, date(2025,3,5)); print(r["status"])
    r=pipeline.run_night(settings, date(2025,3,6)); print(r["status"])
    f=p.in_files(settings.home, want); d=p.in_database(settings.database_url, want)
    print("AFTER2", f, d)
