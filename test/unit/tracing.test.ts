/*
 * Spans of added jobs and attempts, made by the real OpenTelemetry SDK.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { openQueue } from '../../lib/open-queue.js';
import type { Queue } from '../../lib/queue.js';
import { rejects } from '../support/errors.js';
import { temporaryFolder } from '../support/folders.js';
import { rowsOf } from '../support/queue-file.js';

const exporter = new InMemorySpanExporter();
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
after(() => provider.shutdown());

function open(t: TestContext): { queue: Queue; file: string } {
  exporter.reset();
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file, { tracing: true });
  t.after(() => queue.close());
  return { queue, file };
}

/** The span of this name. */
function spanOf(name: string): ReadableSpan {
  const spans = exporter.getFinishedSpans().filter((span) => span.name === name);
  assert.equal(spans.length, 1, `${spans.length} spans ${name}`);
  return spans[0] as ReadableSpan;
}

const parentOf = (span: ReadableSpan): string | undefined => span.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan): string => span.spanContext().spanId;

const quiet = { logger: () => {}, backoff: [0] };

test('an attempt continues the trace of the call that added its job, and so do its follow-ups', async (t) => {
  const { queue, file } = open(t);
  const id = await trace.getTracer('app').startActiveSpan('request', async (span) => {
    const added = await queue.enqueue('email', { to: 'ann' }, { meta: { label: 1 } });
    span.end();
    return added;
  });
  // As in another process, which has only the file.
  const worker = openQueue(file, { tracing: true });
  t.after(() => worker.close());
  const email = (_: unknown, { enqueue }: { enqueue: (type: string) => unknown }) =>
    trace.getTracer('app').startActiveSpan('smtp', (span) => {
      enqueue('receipt');
      span.end();
      return 'sent';
    });
  await worker.processJobs({ email, receipt: () => {} }, quiet);
  const [request, send, smtp, process, receipt] = [
    'request',
    'send email',
    'smtp',
    'process email',
    'process receipt',
  ].map(spanOf) as [ReadableSpan, ReadableSpan, ReadableSpan, ReadableSpan, ReadableSpan];
  assert.equal(
    new Set([request, send, smtp, process, receipt].map((span) => span.spanContext().traceId)).size,
    1,
  );
  assert.deepEqual([send, process, smtp, receipt].map(parentOf), [request, send, process, smtp].map(idOf));
  assert.deepEqual([send.kind, process.kind], [SpanKind.PRODUCER, SpanKind.CONSUMER]);
  const about = {
    'messaging.system': 'tsvq',
    'messaging.destination.name': 'email',
    'messaging.message.id': id,
  };
  const operation = (name: string) => ({
    'messaging.operation.type': name,
    'messaging.operation.name': name,
  });
  assert.deepEqual(send.attributes, { ...about, ...operation('send') });
  assert.deepEqual(process.attributes, {
    ...{ ...about, ...operation('process') },
    ...{ 'tsvq.attempt': 1, 'tsvq.outcome': 'completed' },
  });
  assert.deepEqual((await queue.getJob(id))?.meta, { label: 1 });
});

test('a failed attempt has its exception, and each attempt of a job the same parent', async (t) => {
  const { queue } = open(t);
  await queue.enqueue('bad');
  const bad = () => {
    throw new Error('no');
  };
  await queue.processJobs({ bad: { handler: bad, maxAttempts: 2 } }, quiet);
  const attempts = exporter.getFinishedSpans().filter(({ name }) => name === 'process bad');
  assert.deepEqual(
    attempts.map(({ attributes, status, events }) => [
      ...[attributes['tsvq.attempt'], attributes['tsvq.outcome'], status.code, status.message],
      events.map(({ name, attributes: own }) => [name, own?.['exception.message']]),
    ]),
    [
      [1, 'retried', SpanStatusCode.ERROR, 'no', [['exception', 'no']]],
      [2, 'failed', SpanStatusCode.ERROR, 'no', [['exception', 'no']]],
    ],
  );
  const send = idOf(spanOf('send bad'));
  assert.deepEqual(attempts.map(parentOf), [send, send]);
});

test('a call that adds many jobs is one span, and a call that is refused has its exception', async (t) => {
  const { queue } = open(t);
  await queue.enqueueMany([{ type: 'a' }, { type: 'a' }]);
  assert.equal(spanOf('send a').attributes['messaging.batch.message_count'], 2);
  await queue.enqueueMany([{ type: 'a' }, { type: 'b' }]);
  assert.equal(spanOf('send').attributes['messaging.destination.name'], undefined);
  await rejects(queue.enqueue('a', null, { delay: 'soon' }), 'INVALID_ARGUMENT', 'delay');
  const refused = exporter.getFinishedSpans().at(-1);
  assert.equal(refused?.status.code, SpanStatusCode.ERROR);
  await rejects(queue.enqueueMany([null as never]), 'INVALID_ARGUMENT', 'job');
});

test('a sleeping job ends its span at once', async (t) => {
  const { queue } = open(t);
  await queue.enqueue('nap');
  await queue.processJobs({ nap: (_, { sleep }) => sleep('1h') }, quiet);
  assert.equal(spanOf('process nap').attributes['tsvq.outcome'], 'slept');
});

test('baggage that is too long is left out, and the trace goes on', async (t) => {
  const { queue, file } = open(t);
  const baggage = propagation.createBaggage({ long: { value: 'x'.repeat(2000) } });
  const { context } = await import('@opentelemetry/api');
  await context.with(propagation.setBaggage(context.active(), baggage), () => queue.enqueue('a'));
  const { '@trace': carried } = JSON.parse(rowsOf(file)[0]?.meta ?? '');
  assert.deepEqual(Object.keys(carried), ['traceparent']);
});

test('without the option nothing is traced', async (t) => {
  exporter.reset();
  const file = join(temporaryFolder(t), 'queue.tsv');
  const queue = openQueue(file);
  t.after(() => queue.close());
  await trace.getTracer('app').startActiveSpan('request', () => queue.enqueue('a'));
  await queue.processJobs({ a: () => {} }, quiet);
  assert.equal(rowsOf(file)[0]?.meta, '');
  assert.deepEqual(exporter.getFinishedSpans(), []);
});

test('what a handler throws is traced, whatever it is, and the outcome is recorded', async (t) => {
  const { queue } = open(t);
  const odd = [Object.create(null), undefined, { toString: () => fail() }, Symbol('s')];
  await queue.enqueueMany(odd.map((_, n) => ({ type: 'odd', payload: { n } })));
  const handler = ({ n }: { n: number }) => {
    throw odd[n];
  };
  const { failed } = await queue.processJobs({ odd: { handler, maxAttempts: 1 } }, quiet);
  assert.equal(failed, odd.length);
});

const fail = (): never => {
  throw new Error('no');
};
