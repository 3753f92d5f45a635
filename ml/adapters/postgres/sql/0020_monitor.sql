-- Looked after: what happened since, who decided, and experiments.

CREATE TABLE ml_ops.figure (
    night      date NOT NULL,
    ref        text NOT NULL,
    capability text NOT NULL,
    version    integer,
    about      date,
    kind       text NOT NULL CHECK (kind IN ('truth', 'input', 'feature', 'prediction', 'cost')),
    name       text NOT NULL,
    slice      text NOT NULL DEFAULT '',
    value      double precision,
    low        double precision,
    high       double precision,
    expected   double precision,
    units      bigint,
    at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX figure_once ON ml_ops.figure (night, capability, kind, name, slice, coalesce(about, 'epoch'::date));
CREATE INDEX figure_about ON ml_ops.figure (capability, kind, about);
COMMENT ON TABLE ml_ops.figure IS 'What the step monitor measured: one row per night, capability and figure.';
COMMENT ON COLUMN ml_ops.figure.night IS 'Night that measured it.';
COMMENT ON COLUMN ml_ops.figure.ref IS 'Snapshot that it was measured on.';
COMMENT ON COLUMN ml_ops.figure.capability IS 'Capability; empty for what is measured of the shop''s tables.';
COMMENT ON COLUMN ml_ops.figure.version IS 'Model version that it is about; null: none.';
COMMENT ON COLUMN ml_ops.figure.about IS 'Night of the batch that is judged; null: this night''s.';
COMMENT ON COLUMN ml_ops.figure.kind IS 'truth: a batch judged by what happened after it; input, feature, prediction: drift; cost: seconds of the step.';
COMMENT ON COLUMN ml_ops.figure.name IS 'Metric, or <table>.<column> and what of it.';
COMMENT ON COLUMN ml_ops.figure.slice IS 'Days of what happened, or the part of the data; empty: all.';
COMMENT ON COLUMN ml_ops.figure.value IS 'The figure; null: nothing to measure it on.';
COMMENT ON COLUMN ml_ops.figure.low IS 'Lower end of its 95 % interval; null: not known.';
COMMENT ON COLUMN ml_ops.figure.high IS 'Upper end of it.';
COMMENT ON COLUMN ml_ops.figure.expected IS 'What was promised, or is usual.';
COMMENT ON COLUMN ml_ops.figure.units IS 'On how many units (customers, orders, rows).';
COMMENT ON COLUMN ml_ops.figure.at IS 'When it was written.';

CREATE TABLE ml_ops.alert (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    capability text NOT NULL,
    kind       text NOT NULL,
    name       text NOT NULL,
    slice      text NOT NULL DEFAULT '',
    night      date NOT NULL,
    last_night date NOT NULL,
    nights     integer NOT NULL DEFAULT 1,
    value      double precision,
    expected   double precision,
    words      text NOT NULL,
    advice     text NOT NULL,
    reaction   text NOT NULL CHECK (reaction IN ('tell', 'learn', 'hold')),
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at  timestamptz
);
CREATE UNIQUE INDEX alert_open ON ml_ops.alert (capability, kind, name, slice) WHERE closed_at IS NULL;
COMMENT ON TABLE ml_ops.alert IS 'What the step monitor found. One row from the night that found it first to the night that found it no more; it is told once.';
COMMENT ON COLUMN ml_ops.alert.id IS 'Number in order of finding.';
COMMENT ON COLUMN ml_ops.alert.capability IS 'Capability; empty for the shop''s tables.';
COMMENT ON COLUMN ml_ops.alert.kind IS 'truth, input, feature or prediction.';
COMMENT ON COLUMN ml_ops.alert.name IS 'What: as in ml_ops.figure.';
COMMENT ON COLUMN ml_ops.alert.slice IS 'Of which part: as in ml_ops.figure.';
COMMENT ON COLUMN ml_ops.alert.night IS 'Night that found it first.';
COMMENT ON COLUMN ml_ops.alert.last_night IS 'Latest night that found it.';
COMMENT ON COLUMN ml_ops.alert.nights IS 'How many nights found it.';
COMMENT ON COLUMN ml_ops.alert.value IS 'The figure of the latest night.';
COMMENT ON COLUMN ml_ops.alert.expected IS 'What was promised or is usual.';
COMMENT ON COLUMN ml_ops.alert.words IS 'What is wrong, with the numbers.';
COMMENT ON COLUMN ml_ops.alert.advice IS 'What to do.';
COMMENT ON COLUMN ml_ops.alert.reaction IS 'tell: people are told; learn: the capability learns again; hold: nothing was published.';
COMMENT ON COLUMN ml_ops.alert.at IS 'When it was told.';
COMMENT ON COLUMN ml_ops.alert.closed_at IS 'When a night found it no more; null: open.';

ALTER TABLE ml_ops.promotion DROP CONSTRAINT promotion_decision_check;
ALTER TABLE ml_ops.promotion ADD CONSTRAINT promotion_decision_check
    CHECK (decision IN ('promote', 'refuse', 'baseline', 'replay', 'manual', 'waiting'));
ALTER TABLE ml_ops.promotion ADD COLUMN verdict jsonb NOT NULL DEFAULT '{}';
ALTER TABLE ml_ops.promotion ADD COLUMN person text;
COMMENT ON COLUMN ml_ops.promotion.decision IS 'promote: it serves; baseline: it is the baseline and serves; manual: a person let it serve; refuse: it does not; replay: it serves only nights of the past; waiting: it waits for a person''s approval.';
COMMENT ON COLUMN ml_ops.promotion.verdict IS 'All numbers: differences with their bounds, units, the promised figure with its interval, every guardrail with its value and limit.';
COMMENT ON COLUMN ml_ops.promotion.person IS 'Who decided, as Airflow or the machine knows them; null: the gate.';

CREATE TABLE ml_ops.experiment (
    name       text NOT NULL,
    arm        text NOT NULL,
    capability text NOT NULL,
    told       jsonb NOT NULL,
    share      double precision NOT NULL,
    state      text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'full', 'stopped', 'ended')),
    why        text NOT NULL DEFAULT '',
    since      date NOT NULL,
    changed_on date NOT NULL,
    PRIMARY KEY (name, arm)
);
COMMENT ON TABLE ml_ops.experiment IS 'Experiments as they began, and the share that each arm has now.';
COMMENT ON COLUMN ml_ops.experiment.name IS 'Name in ml_config.experiment.';
COMMENT ON COLUMN ml_ops.experiment.arm IS 'Arm.';
COMMENT ON COLUMN ml_ops.experiment.capability IS 'Capability.';
COMMENT ON COLUMN ml_ops.experiment.told IS 'The row of ml_config.experiment on its first night; a later edit is refused in words.';
COMMENT ON COLUMN ml_ops.experiment.share IS 'Share of customers that has the arm now; a canary''s grows.';
COMMENT ON COLUMN ml_ops.experiment.state IS 'running; full: a canary has its whole share; stopped: it went back by itself; ended.';
COMMENT ON COLUMN ml_ops.experiment.why IS 'Why it was stopped.';
COMMENT ON COLUMN ml_ops.experiment.since IS 'Its first night.';
COMMENT ON COLUMN ml_ops.experiment.changed_on IS 'Night of the last change of share or state.';

CREATE TABLE ml_ops.experiment_arm (
    experiment  text NOT NULL,
    customer_id text NOT NULL,
    capability  text NOT NULL,
    arm         text NOT NULL,
    shows       text NOT NULL,
    version     integer,
    night       date NOT NULL,
    PRIMARY KEY (experiment, customer_id)
);
CREATE INDEX experiment_arm_customer ON ml_ops.experiment_arm (capability, customer_id);
COMMENT ON TABLE ml_ops.experiment_arm IS 'Which arm each customer of an experiment has.';
COMMENT ON COLUMN ml_ops.experiment_arm.experiment IS 'Experiment.';
COMMENT ON COLUMN ml_ops.experiment_arm.customer_id IS 'Who.';
COMMENT ON COLUMN ml_ops.experiment_arm.capability IS 'Capability.';
COMMENT ON COLUMN ml_ops.experiment_arm.arm IS 'Arm.';
COMMENT ON COLUMN ml_ops.experiment_arm.shows IS 'champion, version, baseline or nothing.';
COMMENT ON COLUMN ml_ops.experiment_arm.version IS 'Model version that made the customer''s rows; null: there are none.';
COMMENT ON COLUMN ml_ops.experiment_arm.night IS 'Latest night that showed it.';

CREATE TABLE ml_ops.experiment_effect (
    experiment       text NOT NULL,
    night            date NOT NULL,
    arm              text NOT NULL,
    control          text NOT NULL,
    metric           text NOT NULL,
    customers        bigint NOT NULL,
    control_customers bigint NOT NULL,
    value            double precision,
    control_value    double precision,
    effect           double precision,
    low              double precision,
    high             double precision,
    detectable       double precision,
    balance_p        double precision,
    verdict          text NOT NULL,
    PRIMARY KEY (experiment, night, arm, metric)
);
COMMENT ON TABLE ml_ops.experiment_effect IS 'What each arm of an experiment did beside its control. The interval holds at every night at once: a look a night is honest.';
COMMENT ON COLUMN ml_ops.experiment_effect.experiment IS 'Experiment.';
COMMENT ON COLUMN ml_ops.experiment_effect.night IS 'Night that measured it.';
COMMENT ON COLUMN ml_ops.experiment_effect.arm IS 'Arm.';
COMMENT ON COLUMN ml_ops.experiment_effect.control IS 'Arm that it is compared with.';
COMMENT ON COLUMN ml_ops.experiment_effect.metric IS 'money per customer [shop currency] or orders per customer, since the start.';
COMMENT ON COLUMN ml_ops.experiment_effect.customers IS 'Customers of the arm.';
COMMENT ON COLUMN ml_ops.experiment_effect.control_customers IS 'Customers of the control.';
COMMENT ON COLUMN ml_ops.experiment_effect.value IS 'The arm''s mean.';
COMMENT ON COLUMN ml_ops.experiment_effect.control_value IS 'The control''s mean.';
COMMENT ON COLUMN ml_ops.experiment_effect.effect IS 'Difference of means, adjusted by what the customers did before the start (CUPED).';
COMMENT ON COLUMN ml_ops.experiment_effect.low IS 'Lower end of its always-valid 95 % interval.';
COMMENT ON COLUMN ml_ops.experiment_effect.high IS 'Upper end of it.';
COMMENT ON COLUMN ml_ops.experiment_effect.detectable IS 'Smallest effect that the experiment finds with 80 % power by its end, from what was before the start.';
COMMENT ON COLUMN ml_ops.experiment_effect.balance_p IS 'p-value of the customers'' split being as planned; below 0.001 the effect is not to be believed.';
COMMENT ON COLUMN ml_ops.experiment_effect.verdict IS 'What it says, in words.';

CREATE VIEW ml.experiment_arm AS SELECT * FROM ml_ops.experiment_arm;
COMMENT ON VIEW ml.experiment_arm IS 'Which arm of an experiment each customer sees.';
CREATE VIEW ml.experiment_effect AS SELECT * FROM ml_ops.experiment_effect;
COMMENT ON VIEW ml.experiment_effect IS 'What each arm of an experiment did beside its control, night by night.';

CREATE FUNCTION ml_ops.served(as_of timestamptz)
RETURNS TABLE (
    table_name text, batch_id bigint, night date, capability text, version integer, run_id text, recipe text,
    snapshot text, inputs_sha256 text, model_files jsonb, decided text, decided_by text, decided_at timestamptz,
    shown_from timestamptz, shown_until timestamptz
)
LANGUAGE sql STABLE AS $$
    SELECT b.table_name, b.batch_id, b.night, b.capability, b.model_version, v.run_id, v.recipe, b.ref, b.inputs_sha256,
           (SELECT jsonb_object_agg(a.file, a.sha256) FROM ml_ops.artifact AS a
            WHERE (a.capability, a.version) = (b.capability, b.model_version)),
           p.decision || ': ' || p.why, coalesce(p.person, p."by"), p.at, b.published_at, b.ended_at
    FROM ml_ops.batch AS b
    LEFT JOIN ml_ops.version AS v ON (v.capability, v.version) = (b.capability, b.model_version)
    LEFT JOIN LATERAL (
        SELECT * FROM ml_ops.promotion AS q WHERE (q.capability, q.version) = (b.capability, b.model_version)
          AND q.at <= b.created_at AND q.decision <> 'refuse' ORDER BY q.id DESC LIMIT 1) AS p ON true
    WHERE b.published_at <= served.as_of AND (b.ended_at IS NULL OR b.ended_at > served.as_of)
      AND b.status IN ('published', 'superseded', 'rolled_back', 'dropped')
    ORDER BY b.table_name
$$;
COMMENT ON FUNCTION ml_ops.served(timestamptz) IS 'Which batch of each table the shop saw at that time, and which model, data and decision made it.';

-- roles.sql grants what there is when it runs; on a database that it ran on before, these came later.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_publish') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON ml_ops.figure, ml_ops.alert, ml_ops.experiment, ml_ops.experiment_arm,
            ml_ops.experiment_effect TO nightshift_publish;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'shop_reader') THEN
        GRANT SELECT ON ml.experiment_arm, ml.experiment_effect TO shop_reader;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'nightshift_viewer') THEN
        GRANT SELECT ON ml_ops.figure, ml_ops.alert, ml_ops.experiment, ml_ops.experiment_arm, ml_ops.experiment_effect,
            ml.experiment_arm, ml.experiment_effect TO nightshift_viewer;
    END IF;
END
$$;
