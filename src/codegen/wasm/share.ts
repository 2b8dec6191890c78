/**
 * How threads share the chunks of a wave: code for the thread that runs a plan and for those that help it. All words that
 * they exchange lie in one block of shared memory. Floor: codegen.
 *
 * A ticket of 64 bits says which wave is open: its number, how many chunks it has, and how many of them are taken. A
 * thread takes a chunk by exchanging the ticket for the next one, which succeeds only if the wave is still the one that
 * it has read. A helper is marked busy while it looks for chunks and does them, so the caller knows when all that were
 * taken are done; it never waits for a thread that sleeps.
 */
import { Fn, type HostFunction, type Local, type Signature } from "./function.ts";
import { helperBytes, helperFields, mostHelpers, poolFields } from "./pool-fields.ts";

/** Chunks of a wave at most, so that they fit the ticket. */
const mostChunks = 0xffff;

/** How often a helper looks for work before it sleeps: about 50 µs. */
const spins = 10_000;
/** How often the caller looks whether a helper is done before it asks `stalled`: about 0.1 ms. */
const patience = 100_000;
/** Waking a thread takes the caller 8 µs, and it comes 10 to 50 µs later: less work is not worth it, in µs. */
const worthWaking = 60;

/** Called with the helper's number when a chunk takes long; it throws where there is no hope. */
export const stalled: HostFunction = { name: "stalled", params: ["i32"], results: [] };

/** Pushes the ticket that was read, cut to what stands from bit `shift` on in `bits` bits. */
function field(f: Fn, ticket: Local, shift: number): Fn {
  return f.get(ticket).i64(BigInt(shift)).op("i64.shr_u", "i32.wrap_i64").i32(mostChunks).op("i32.and");
}

/**
 * `takeChunks(pool, workspace, modules)`: does chunks of the open wave until there are none left, or until there are
 * kernels that the thread has not compiled.
 */
function takeChunksFunction(kernel: Signature, headerBytes: number): Fn {
  const f = new Fn(["i32", "i32", "i32"]);
  const [pool, workspace, modules] = f.params;
  const ticket = f.local("i64");
  const [chunk, command, units, size, count] = f.localArray("i32", 5) as [Local, Local, Local, Local, Local];
  f.block((exit) => {
    f.loop((again) => {
      f.get(pool).load("i64.atomic.load", poolFields.ticket).set(ticket);
      field(f, ticket, 0).tee(chunk);
      field(f, ticket, 16).op("i32.ge_u").brIf(exit);
      // Both belong to the wave of the ticket, or the exchange below fails.
      f.get(pool).load("i32.atomic.load", poolFields.modules).get(modules).op("i32.ne").brIf(exit);
      f.get(pool).load("i32.atomic.load", poolFields.commands).set(command);
      f.get(pool).get(ticket).get(ticket).i64(1n).op("i64.add");
      f.atomic("i64.atomic.rmw.cmpxchg", poolFields.ticket).get(ticket).op("i64.ne").brIf(again);
      f.block((found) => {
        f.loop((next) => {
          f.get(command).load("i32.load", 16).set(units);
          f.get(command).load("i32.load", 20).set(size);
          f.push(units, size).op("i32.add").i32(1).op("i32.sub").get(size).op("i32.div_u").set(count);
          f.push(chunk, count).op("i32.lt_u").brIf(found);
          f.push(chunk, count).op("i32.sub").set(chunk);
          f.get(command).get(command).load("i32.load", 4).op("i32.add").set(command).br(next);
        });
      });
      f.push(command, headerBytes).op("i32.add");
      f.push(chunk, size).op("i32.mul").tee(count);
      f.push(count, size).op("i32.add").set(size).minimum(size, units).get(workspace);
      f.get(command).load("i32.load").callIndirect(kernel);
      f.br(again);
    });
  });
  return f;
}

/** Adds up how long the waves from `command` to `end` take that threads may share, until it is worth waking some. */
function emitTimeAhead(f: Fn, command: Local, end: Local, time: Local): void {
  const wave = f.local("i32");
  f.i32(0).set(time).get(command).set(wave);
  f.loop((next) => {
    f.get(wave).load("i32.load", 8).i32(1).op("i32.gt_u");
    f.if(() => f.get(time).get(wave).load("i32.load", 28).op("i32.add").set(time));
    f.get(wave).get(wave).load("i32.load", 12).op("i32.add").tee(wave);
    f.get(end).op("i32.lt_u").push(time, worthWaking).op("i32.lt_s", "i32.and").brIf(next);
  });
}

/**
 * `share(pool, command, end, workspace)`: does the wave that starts at `command` together with the helpers that are there.
 * Gives 0, having done nothing, where there are none. Up to `end` there are other waves.
 */
export function shareFunction(kernel: Signature, headerBytes: number): Fn {
  const f = new Fn(["i32", "i32", "i32", "i32"], ["i32"]);
  const [pool, command, end, workspace] = f.params;
  const [chunks, helper, left, time] = [f.local("i32"), f.local("i32"), f.local("i32"), f.local("i32")];
  f.get(pool).load("i32.atomic.load", poolFields.ready).op("i32.eqz");
  f.get(command).load("i32.load", 8).tee(chunks).i32(mostChunks).op("i32.gt_u", "i32.or");
  f.if(() => f.i32(0).op("return"));
  f.push(pool, command).store("i32.atomic.store", poolFields.commands);
  f.get(pool);
  f.get(pool).load("i32.atomic.load", poolFields.wave).i32(1).op("i32.add", "i64.extend_i32_u");
  f.i64(32n).op("i64.shl").get(chunks).i32(16).op("i32.shl", "i64.extend_i32_u", "i64.or");
  f.store("i64.atomic.store", poolFields.ticket);
  f.get(pool).load("i32.atomic.load", poolFields.sleepers);
  f.if(() => {
    emitTimeAhead(f, command, end, time);
    f.push(time, worthWaking).op("i32.ge_s");
    f.if(() => {
      f.push(pool, pool, chunks, 1).op("i32.sub").atomic("memory.atomic.notify", poolFields.wave);
      f.atomic("i32.atomic.rmw.sub", poolFields.sleepers).op("drop");
    });
  });
  f.push(pool, workspace, pool)
    .load("i32.atomic.load", poolFields.modules)
    .call(takeChunksFunction(kernel, headerBytes));
  f.for(helper, 0, mostHelpers, 1, () => {
    f.i32(patience).set(left);
    f.block((done) => {
      f.loop((again) => {
        f.address(pool, helper, helperBytes).load("i32.atomic.load", poolFields.helpers + helperFields.busy);
        f.op("i32.eqz").brIf(done);
        f.push(left, 1).op("i32.sub").tee(left).brIf(again);
        f.get(helper).call(stalled).i32(patience).set(left).br(again);
      });
    });
  });
  f.i32(1);
  return f;
}

/**
 * `serve(pool, line, workspace, modules)`: the life of a helper. Comes back when there are other kernels than the
 * `modules` that it has compiled.
 */
export function serveFunction(kernel: Signature, headerBytes: number): Fn {
  const f = new Fn(["i32", "i32", "i32", "i32"]);
  const [pool, line, workspace, modules] = f.params;
  const ticket = f.local("i64");
  const left = f.local("i32");
  const takeChunks = takeChunksFunction(kernel, headerBytes);
  f.i32(spins).set(left);
  f.block((exit) => {
    f.loop((again) => {
      f.get(pool).load("i32.atomic.load", poolFields.modules).get(modules).op("i32.ne").brIf(exit);
      f.get(pool).load("i64.atomic.load", poolFields.ticket).set(ticket);
      field(f, ticket, 0);
      field(f, ticket, 16).op("i32.lt_u");
      f.if(() => {
        f.push(line, 1).store("i32.atomic.store", helperFields.busy);
        f.push(pool, workspace, modules).call(takeChunks);
        f.push(line, 0).store("i32.atomic.store", helperFields.busy);
        f.i32(spins).set(left).br(again);
      });
      f.push(left, 1).op("i32.sub").tee(left).brIf(again);
      f.push(pool, 1).atomic("i32.atomic.rmw.add", poolFields.sleepers).op("drop");
      f.get(pool).get(ticket).i64(32n).op("i64.shr_u", "i32.wrap_i64").i64(-1n);
      f.atomic("memory.atomic.wait32", poolFields.wave);
      // Who wakes others takes them off the count, or they would be woken again until they are there.
      f.if(() => f.push(pool, 1).atomic("i32.atomic.rmw.sub", poolFields.sleepers).op("drop"));
      f.i32(spins).set(left).br(again);
    });
  });
  return f;
}
