-- name: delete_undeclared
-- Rules that nobody edited and that their provider declares no longer.
DELETE FROM error_categories
WHERE provider = %(provider)s AND declared AND NOT rule_id = ANY(%(ids)s)

-- name: disown_edited
-- Edited rules that their provider declares no longer are the operator's own now.
UPDATE error_categories SET declaration = NULL, version = nextval('error_rule_versions')
WHERE provider = %(provider)s AND NOT declared AND declaration IS NOT NULL AND NOT rule_id = ANY(%(ids)s)

-- name: insert_declared
-- What a provider declares: new rules, and other values for those nobody edited.
INSERT INTO error_categories (
    rule_id, provider, service, declared, declaration, changed_by, reason,
    ordinal, status, code, pattern, category, strategy, attempts, base_seconds, cap_seconds, until, whole, trips, alert,
    dead_letter, enabled)
SELECT d.rule_id, %(provider)s, %(service)s, true, d.declaration, %(service)s, 'declared by the service', v.*
FROM json_to_recordset(%(rules)s::json) AS d (rule_id text, declaration jsonb)
CROSS JOIN LATERAL jsonb_to_record(d.declaration) AS v (
    ordinal int, status smallint, code text, pattern text, category text, strategy text, attempts smallint,
    base_seconds float8, cap_seconds float8, until text, whole bool, trips bool, alert bool, dead_letter bool, enabled bool)
ORDER BY d.rule_id
ON CONFLICT (rule_id) DO UPDATE SET
    service = excluded.service, declaration = excluded.declaration, ordinal = excluded.ordinal,
    category = excluded.category, strategy = excluded.strategy, attempts = excluded.attempts,
    base_seconds = excluded.base_seconds, cap_seconds = excluded.cap_seconds, until = excluded.until,
    whole = excluded.whole, trips = excluded.trips, alert = excluded.alert, dead_letter = excluded.dead_letter,
    enabled = excluded.enabled, changed_by = excluded.changed_by, reason = excluded.reason, changed_at = now(),
    version = nextval('error_rule_versions')
WHERE error_categories.declared AND error_categories.declaration <> excluded.declaration

-- name: update_declarations
-- What edited rules can be set back to.
UPDATE error_categories e SET declaration = d.declaration, version = nextval('error_rule_versions')
FROM json_to_recordset(%(rules)s::json) AS d (rule_id text, declaration jsonb)
WHERE e.rule_id = d.rule_id AND NOT e.declared AND e.declaration IS DISTINCT FROM d.declaration

-- name: sum_versions
-- Two numbers that differ after every change: a changed rule has a higher version than any rule had before.
SELECT count(*), coalesce(sum(version), 0)::bigint FROM error_categories WHERE provider = %(provider)s

-- name: find_rules
-- One rule, or those of a provider, or all, in the order they are read.
SELECT json_build_object(
    'rule_id', rule_id, 'provider', provider, 'service', service, 'declared', declared, 'declaration', declaration,
    'version', version, 'changed_by', changed_by, 'reason', reason, 'changed_at', changed_at,
    'data', json_build_object(
        'ordinal', ordinal, 'status', status, 'code', code, 'pattern', pattern, 'category', category,
        'strategy', strategy, 'attempts', attempts, 'base_seconds', base_seconds, 'cap_seconds', cap_seconds,
        'until', until, 'whole', whole, 'trips', trips, 'alert', alert, 'dead_letter', dead_letter, 'enabled', enabled))
FROM error_categories
WHERE (provider = %(provider)s OR %(provider)s::text IS NULL) AND (rule_id = %(rule_id)s OR %(rule_id)s::text IS NULL)
ORDER BY provider, ordinal, rule_id

-- name: lock_rule
-- Nobody else can change the rule before this transaction ends.
SELECT 1 FROM error_categories WHERE rule_id = %(rule_id)s FOR UPDATE

-- name: find_provider
-- A provider with rules, by its name or its service's.
SELECT provider, service FROM error_categories WHERE provider = %(name)s OR service = %(name)s
ORDER BY provider LIMIT 1

-- name: insert_rule
-- A rule that no provider declares.
INSERT INTO error_categories (
    rule_id, provider, service, declared, changed_by, reason,
    ordinal, status, code, pattern, category, strategy, attempts, base_seconds, cap_seconds, until, whole, trips, alert,
    dead_letter, enabled)
SELECT %(rule_id)s, %(provider)s, %(service)s, false, %(actor)s, %(reason)s, v.*
FROM json_to_record(%(values)s::json) AS v (
    ordinal int, status smallint, code text, pattern text, category text, strategy text, attempts smallint,
    base_seconds float8, cap_seconds float8, until text, whole bool, trips bool, alert bool, dead_letter bool, enabled bool)

-- name: update_rule
-- Other values for a rule, and who wanted them why. With those of its declaration it counts as declared.
UPDATE error_categories e
SET ordinal = v.ordinal, status = v.status, code = v.code, pattern = v.pattern, category = v.category,
    strategy = v.strategy, attempts = v.attempts, base_seconds = v.base_seconds, cap_seconds = v.cap_seconds,
    until = v.until, whole = v.whole, trips = v.trips, alert = v.alert, dead_letter = v.dead_letter,
    enabled = v.enabled, declared = coalesce(e.declaration = %(values)s::jsonb, false), changed_by = %(actor)s,
    reason = %(reason)s, changed_at = now(), version = nextval('error_rule_versions')
FROM json_to_record(%(values)s::json) AS v (
    ordinal int, status smallint, code text, pattern text, category text, strategy text, attempts smallint,
    base_seconds float8, cap_seconds float8, until text, whole bool, trips bool, alert bool, dead_letter bool, enabled bool)
WHERE e.rule_id = %(rule_id)s
