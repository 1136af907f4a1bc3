-- What people say about a report: whose a domain is, and which gate may be passed over, by name.

CREATE TABLE company_overrides (
    domain     text PRIMARY KEY,                  -- registrable
    name       text NOT NULL CHECK (name <> ''),
    platform   boolean NOT NULL DEFAULT false,    -- its content is not its own
    actor      text NOT NULL,
    reason     text NOT NULL CHECK (reason <> ''),
    changed_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE gate_waivers (
    pipeline_id uuid NOT NULL,
    gate        text NOT NULL,
    actor       text NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    waived_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (pipeline_id, gate)
);
