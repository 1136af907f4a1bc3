-- name: insert_calls
-- The intent of calls, durable before their requests leave. Returns each call with what stands against it: nothing
-- ('sent'), 'quota' or 'budget'; a call whose job is no longer held is not among them. Days before budgets, as when
-- they are settled: two transactions that lock in one order cannot deadlock.
WITH held AS MATERIALIZED (
    SELECT c.*
    FROM json_to_recordset(%(calls)s::json) AS c (
        call_id uuid, pipeline_id uuid, job_id bigint, fence int, provider text, source text, endpoint text,
        subjects int, day date, units float8, money float8, fact_keys uuid[])
    JOIN job_queue j ON j.job_id = c.job_id AND j.fence = c.fence AND j.state = 'processing'
    -- The reaper waits for this row, and looks for calls after that.
    FOR SHARE OF j
), days AS MATERIALIZED (
    SELECT d.provider, d.day, d.most - d.committed AS left_over FROM provider_days d
    WHERE (d.provider, d.day) IN (SELECT source, day FROM held) ORDER BY d.provider, d.day FOR UPDATE
), budgets AS MATERIALIZED (
    SELECT b.pipeline_id, b.budget - b.committed AS left_over FROM pipeline_budgets b
    WHERE b.pipeline_id IN (SELECT pipeline_id FROM held WHERE money IS NOT NULL) AND (SELECT count(*) FROM days) >= 0
    ORDER BY b.pipeline_id FOR UPDATE
), summed AS (
    SELECT h.*, d.day IS NOT NULL AS by_day, b.pipeline_id IS NOT NULL AND h.money IS NOT NULL AS by_budget,
           d.left_over AS units_left, b.left_over AS money_left,
           sum(h.units) OVER (PARTITION BY h.source, h.day ORDER BY h.call_id) AS units_so_far,
           sum(h.money) OVER (PARTITION BY h.pipeline_id ORDER BY h.call_id) AS money_so_far
    FROM held h
    LEFT JOIN days d ON d.provider = h.source AND d.day = h.day
    LEFT JOIN budgets b ON b.pipeline_id = h.pipeline_id
), judged AS MATERIALIZED (
    SELECT s.*, CASE WHEN s.units_so_far > s.units_left THEN 'quota'
                     WHEN s.by_budget AND s.money_so_far > s.money_left THEN 'budget' ELSE 'sent' END AS verdict
    FROM summed s
), inserted AS (
    INSERT INTO provider_calls (call_id, pipeline_id, job_id, provider, endpoint, subjects, source, day,
                                committed_units, committed_money, fact_keys)
    SELECT call_id, pipeline_id, job_id, provider, endpoint, subjects, CASE WHEN by_day THEN source END,
           CASE WHEN by_day THEN day END, units, money, fact_keys
    FROM judged WHERE verdict = 'sent'
), counted AS (
    INSERT INTO provider_counters (minute, provider, calls, units)
    SELECT date_trunc('minute', now(), 'UTC'), provider, count(*), 0 FROM judged WHERE verdict = 'sent' GROUP BY 2
), spent_day AS (
    UPDATE provider_days d SET committed = d.committed + j.units
    FROM (SELECT source, day, sum(units) AS units FROM judged WHERE verdict = 'sent' AND by_day GROUP BY 1, 2) j
    WHERE d.provider = j.source AND d.day = j.day
), spent_budget AS (
    UPDATE pipeline_budgets b SET committed = b.committed + j.money
    FROM (SELECT pipeline_id, sum(money) AS money FROM judged WHERE verdict = 'sent' AND by_budget GROUP BY 1) j
    WHERE b.pipeline_id = j.pipeline_id
    RETURNING b.pipeline_id, b.budget, b.committed
), told AS (
    -- Four fifths are committed. In the statement that makes it so: it is told, or not so.
    INSERT INTO events (name, pipeline_id, data, once)
    SELECT 'budget.80', pipeline_id, jsonb_build_object('budget', budget, 'committed', committed), 'budget.80 ' || pipeline_id
    FROM spent_budget b WHERE committed >= 0.8 * budget
      AND NOT EXISTS (SELECT FROM events e WHERE e.once = 'budget.80 ' || b.pipeline_id)
    ORDER BY pipeline_id ON CONFLICT (once) DO NOTHING
)
SELECT call_id::text, verdict FROM judged

-- name: find_set_aside
-- Those of these refused calls for which the day would do if the calls under way cost nothing. A statement of its own:
-- the one that refused waited for the day's row, and did not see the calls of those it waited for.
WITH under_way AS (
    SELECT c.source, c.day, sum(c.committed_units) AS units
    FROM job_queue j JOIN provider_calls c ON c.job_id = j.job_id AND c.state = 'sent'
    WHERE j.state = 'processing' AND c.day IS NOT NULL GROUP BY 1, 2
)
SELECT r.call_id::text
FROM json_to_recordset(%(calls)s::json) AS r (call_id uuid, source text, day date, units float8)
JOIN provider_days d ON d.provider = r.source AND d.day = r.day
LEFT JOIN under_way u ON u.source = r.source AND u.day = r.day
WHERE r.units <= d.most - d.committed + coalesce(u.units, 0)

-- name: find_money_set_aside
-- Those of these refused calls for which their pipeline's budget would do if its calls under way cost nothing; as above.
WITH under_way AS (
    SELECT c.pipeline_id, sum(c.committed_money) AS money
    FROM job_queue j JOIN provider_calls c ON c.job_id = j.job_id AND c.state = 'sent'
    WHERE j.state = 'processing' AND c.committed_money IS NOT NULL GROUP BY 1
)
SELECT r.call_id::text
FROM json_to_recordset(%(calls)s::json) AS r (call_id uuid, pipeline_id uuid, money float8)
JOIN pipeline_budgets b ON b.pipeline_id = r.pipeline_id
LEFT JOIN under_way u ON u.pipeline_id = r.pipeline_id
WHERE r.money <= b.budget - b.committed + coalesce(u.money, 0)

-- name: open_day
-- The day's row of a provider, with the limit as it is configured now.
INSERT INTO provider_days (provider, day, most) VALUES (%(provider)s, %(day)s, %(most)s)
ON CONFLICT (provider, day) DO UPDATE SET most = excluded.most

-- name: settle_spending
-- Gives back what settled calls did not cost, and adds what they cost beyond, which may come to four fifths of a
-- budget. Unknown costs stay set aside. Days are locked before budgets, as when they are spent.
WITH old AS MATERIALIZED (
    SELECT call_id, pipeline_id, source, day, committed_units, committed_money,
           coalesce(units, committed_units) - committed_units AS units_more,
           coalesce(money, committed_money) - committed_money AS money_more
    FROM provider_calls
    WHERE call_id = ANY(%(call_ids)s::uuid[]) AND state <> 'sent'
      AND (committed_units IS NOT NULL OR committed_money IS NOT NULL)
), more_days AS MATERIALIZED (
    SELECT source, day, sum(units_more) AS more FROM old WHERE day IS NOT NULL GROUP BY 1, 2 HAVING sum(units_more) <> 0
), more_money AS MATERIALIZED (
    SELECT pipeline_id, sum(money_more) AS more FROM old GROUP BY 1 HAVING sum(money_more) <> 0
), locked_days AS MATERIALIZED (
    SELECT d.provider, d.day FROM provider_days d
    WHERE (d.provider, d.day) IN (SELECT source, day FROM more_days) ORDER BY d.provider, d.day FOR UPDATE
), locked_budgets AS MATERIALIZED (
    SELECT b.pipeline_id FROM pipeline_budgets b
    WHERE b.pipeline_id IN (SELECT pipeline_id FROM more_money) AND (SELECT count(*) FROM locked_days) >= 0
    ORDER BY b.pipeline_id FOR UPDATE
), corrected AS (
    UPDATE provider_calls c
    SET committed_units = o.committed_units + o.units_more, committed_money = o.committed_money + o.money_more
    FROM old o WHERE c.call_id = o.call_id AND (o.units_more <> 0 OR o.money_more <> 0)
), days AS (
    UPDATE provider_days d SET committed = d.committed + o.more
    FROM more_days o WHERE d.provider = o.source AND d.day = o.day AND (SELECT count(*) FROM locked_budgets) >= 0
), spent AS (
    UPDATE pipeline_budgets b SET committed = b.committed + o.more
    FROM more_money o WHERE b.pipeline_id = o.pipeline_id AND (SELECT count(*) FROM locked_budgets) >= 0
    RETURNING b.pipeline_id, b.budget, b.committed
)
INSERT INTO events (name, pipeline_id, data, once)
SELECT 'budget.80', pipeline_id, jsonb_build_object('budget', budget, 'committed', committed), 'budget.80 ' || pipeline_id
FROM spent s WHERE committed >= 0.8 * budget
  AND NOT EXISTS (SELECT FROM events e WHERE e.once = 'budget.80 ' || s.pipeline_id)
ORDER BY pipeline_id ON CONFLICT (once) DO NOTHING

-- name: find_facts
-- The newest fresh answer for each of these keys.
SELECT DISTINCT ON (fact_key) fact_key::text, call_id::text, answer
FROM provider_facts
WHERE fact_key = ANY(%(keys)s::uuid[])
  AND fetched_at > least(now() - make_interval(secs => %(freshness)s), to_timestamp(%(since)s::float8))
ORDER BY fact_key, fetched_at DESC

-- name: find_doubted
-- Those of these facts of which a purchase is in doubt that nobody has decided about.
SELECT DISTINCT d.fact_key::text
FROM doubted_facts d JOIN provider_calls c ON c.call_id = d.call_id
WHERE d.fact_key = ANY(%(keys)s::uuid[])
  AND c.sent_at > least(now() - make_interval(secs => %(freshness)s), to_timestamp(%(since)s::float8))

-- name: begin_flights
-- Who may buy these facts: a job, unless another one that is alive is about to. Returns the flights that begin.
INSERT INTO flights AS f (fact_key, job_id, token)
SELECT DISTINCT ON (w.fact_key) w.fact_key, w.job_id, w.token
FROM json_to_recordset(%(wants)s::json) AS w (fact_key uuid, job_id bigint, token uuid) ORDER BY w.fact_key, w.token
ON CONFLICT (fact_key) DO UPDATE SET job_id = excluded.job_id, token = excluded.token
WHERE f.job_id = excluded.job_id OR NOT EXISTS (
    SELECT FROM job_queue j WHERE j.job_id = f.job_id AND j.state = 'processing' AND j.lease_until > now())
RETURNING token::text

-- name: end_flights
-- Bought, or not to be had: whoever waits may look, and try. A flight that has begun anew is another one.
DELETE FROM flights f USING (
    SELECT l.fact_key, l.token FROM json_to_recordset(%(landed)s::json) AS l (fact_key uuid, token uuid)
    JOIN flights g ON g.fact_key = l.fact_key AND g.token = l.token ORDER BY l.fact_key FOR UPDATE OF g) e
WHERE f.fact_key = e.fact_key AND f.token = e.token

-- name: delete_dead_flights
-- Flights of jobs that are over or gone, some of them at a time. One that has begun anew meanwhile is another one.
WITH dead AS MATERIALIZED (
    SELECT f.fact_key, f.token FROM flights f
    WHERE NOT EXISTS (SELECT FROM job_queue j WHERE j.job_id = f.job_id AND j.state IN ('pending', 'dispatched', 'processing'))
    LIMIT %(limit)s
)
DELETE FROM flights f USING (
    SELECT d.fact_key, d.token FROM dead d JOIN flights g ON g.fact_key = d.fact_key AND g.token = d.token
    ORDER BY d.fact_key FOR UPDATE OF g SKIP LOCKED) e
WHERE f.fact_key = e.fact_key AND f.token = e.token
