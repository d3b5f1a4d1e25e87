-- What the first version wrote: a run that ended, with a record of each outcome, and one that was
-- killed with a call under way.
INSERT INTO ledger_migrations VALUES ('0001_initial', '2026-03-01 11:00:00.000000');
INSERT INTO sequences VALUES ('operations', 6), ('runs', 1);
INSERT INTO holders VALUES
  ('11111111111111111111111111111111', 'worker pid:[4026531836]', 4711,
   '1b4e28ba-2fa1-11d2-883f-0016d3cca427 12345', '2026-03-01 12:01:00.000000');
INSERT INTO runs (run_id, sequence, started_at, ended_at, exit_code, applied, api_calls) VALUES
  ('00000000000000000000000000000000', 1, '2026-03-01 11:00:00.000000', '2026-03-01 11:00:05.000000', 0, 2, 3),
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
INSERT INTO operations
  (operation_id, sequence, run_id, stream, operation, task_id, external_id, outcome, reason,
   api_calls, attempts, body_hash, record, task_detail, received_at, claimed_at, settled_at) VALUES
  ('cccccccccccccccccccccccccccccccc', 2, '00000000000000000000000000000000',
   'task_executions', 'execute', 3, 'mail', 'applied', NULL, 1,
   '[{"at": "2026-03-01T11:00:02+00:00", "call": "execute", "status": 200, "error": null,
     "seconds": 0.1}]',
   'mail digest', NULL, '{"id": 3}',
   '2026-03-01 11:00:01.000000', '2026-03-01 11:00:02.000000', '2026-03-01 11:00:03.000000'),
  ('dddddddddddddddddddddddddddddddd', 3, '00000000000000000000000000000000',
   'task_updates', 'update', 1, NULL, 'unchanged', NULL, 0, NULL, 'digest', NULL, NULL,
   '2026-03-01 11:00:01.000000', NULL, '2026-03-01 11:00:03.000000'),
  ('eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 4, '00000000000000000000000000000000',
   'task_updates', 'update', 1, NULL, 'superseded', NULL, 0, NULL, 'other digest', NULL, NULL,
   '2026-03-01 11:00:01.000000', NULL, '2026-03-01 11:00:03.000000'),
  ('ffffffffffffffffffffffffffffffff', 5, '00000000000000000000000000000000',
   'task_updates', NULL, NULL, 'no task', 'rejected', 'invalid_record', 0, NULL, NULL,
   '{"externalId": "no task"}', NULL,
   '2026-03-01 11:00:01.000000', NULL, '2026-03-01 11:00:03.000000'),
  ('99999999999999999999999999999999', 6, '00000000000000000000000000000000',
   'task_executions', 'execute', 4, 'doubt', 'uncertain', NULL, 1,
   '[{"at": "2026-03-01T11:00:02+00:00", "call": "execute", "status": null, "error": "timeout",
     "seconds": 30.0}]',
   'doubt digest', '{"id": 4}', NULL,
   '2026-03-01 11:00:01.000000', '2026-03-01 11:00:02.000000', '2026-03-01 11:00:03.000000');
INSERT INTO tasks
  (task_id, execution_operation_id, execution_outcome, execution_hash, execution_external_id) VALUES
  (3, 'cccccccccccccccccccccccccccccccc', 'applied', 'mail digest', 'mail'),
  (4, '99999999999999999999999999999999', 'uncertain', 'doubt digest', 'doubt');
INSERT INTO tasks (task_id, body_hash, detail_operation_id) VALUES
  (1, 'digest', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
