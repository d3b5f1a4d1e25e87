-- What the first version wrote: a run that ended, and one that was killed with a call under way.
INSERT INTO ledger_migrations VALUES ('0001_initial', '2026-03-01 11:00:00.000000');
INSERT INTO sequences VALUES ('operations', 1), ('runs', 1);
INSERT INTO holders VALUES
  ('11111111111111111111111111111111', 'worker pid:[4026531836]', 4711,
   '1b4e28ba-2fa1-11d2-883f-0016d3cca427 12345', '2026-03-01 12:01:00.000000');
INSERT INTO runs (run_id, sequence, started_at, ended_at, exit_code, applied, api_calls) VALUES
  ('00000000000000000000000000000000', 1, '2026-03-01 11:00:00.000000', '2026-03-01 11:00:05.000000', 0, 1, 1),
  ('11111111111111111111111111111111', NULL, '2026-03-01 12:00:00.000000', NULL, NULL, 0, 0);
INSERT INTO operations
  (operation_id, sequence, run_id, claimed_by, stream, operation, task_id, outcome, api_calls,
   body_hash, record, task_detail, received_at, claimed_at, settled_at) VALUES
  ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 1, '00000000000000000000000000000000', NULL,
   'task_updates', 'update', 1, 'applied', 1, 'digest', NULL, '{"id": 1}',
   '2026-03-01 11:00:01.000000', '2026-03-01 11:00:02.000000', '2026-03-01 11:00:03.000000'),
  ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', NULL, '11111111111111111111111111111111',
   '11111111111111111111111111111111', 'task_executions', 'execute', 2, NULL, 0, 'digest',
   '{"id": 2}', NULL, '2026-03-01 12:00:01.000000', '2026-03-01 12:00:02.000000', NULL);
INSERT INTO tasks (task_id, body_hash, detail_operation_id) VALUES
  (1, 'digest', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
