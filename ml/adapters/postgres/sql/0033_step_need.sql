-- What a run of a step needed of its machine: cores and memory, for limits and for sizing.
ALTER TABLE ml_ops.step ADD COLUMN cpu_seconds double precision, ADD COLUMN peak_mib double precision;
COMMENT ON COLUMN ml_ops.step.cpu_seconds IS 'Seconds of processor time of the process and the programs that it ran; over seconds it is the cores used.';
COMMENT ON COLUMN ml_ops.step.peak_mib IS 'Largest memory of the process during the step, in MiB; null where the system does not tell.';
