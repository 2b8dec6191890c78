/**
 * The C of the runtime library: a driver that walks the commands of a plan, and a pool of threads that share their
 * chunks. It is compiled on the machine like a kernel, so it stands here as text. Floor: runtime; Node only.
 *
 * A wave is a run of commands that do not depend on each other. Its chunks are counted down in `ticket`, a number of the
 * wave and the chunks of each half that nobody has taken, which change as one word: a thread that comes late finds
 * another wave's number there and takes nothing. Whoever holds a chunk keeps the wave open, so it may read the wave's
 * commands; nobody else reads them. The caller works too, and waits only for chunks that others have taken, never for
 * threads that sleep.
 */

/** Changes where kernels and commands are no longer understood by an older runtime library, or the other way round. */
export const abiVersion = 1;

/** Threads of the pool, the caller among them. */
export const mostThreads = 512;

export const runtimeSource = String.raw`
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__linux__) && !defined(TP_PORTABLE)
#define TP_FUTEX 1
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

typedef int64_t word;
typedef void (*kernel)(const word *args, word from, word to, char *workspace);

/* A command: these words, then the arguments. CHUNKS and WAVE (bytes) are those of a wave, in its first command. */
enum { FUNCTION, BYTES, CHUNKS, WAVE, UNITS, CHUNK, HEADER = 8 };

enum { MOST_THREADS = ${mostThreads}, SPINS = 1000, HUGE = 2 << 20, STACK = 2 << 20 };

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define PEEK(x) __atomic_load_n(&(x), __ATOMIC_ACQUIRE)

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* ---- settings ---- */

static int wanted = 1;          /* threads, the caller among them */
static word workspace_bytes = 64;

/* ---- waiting until a word changes ---- */

#ifdef TP_FUTEX

static void wait_while(uint32_t *at, uint32_t value) {
  syscall(SYS_futex, at, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake(uint32_t *at, int threads) {
  syscall(SYS_futex, at, FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
}

static void remake_waiting(void) {}

#else

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void wait_while(uint32_t *at, uint32_t value) {
  pthread_mutex_lock(&mutex);
  while (LOAD(*at) == value) pthread_cond_wait(&changed, &mutex);
  pthread_mutex_unlock(&mutex);
}

/* The lock orders this after a check that has just found the old value. */
static void wake(uint32_t *at, int threads) {
  (void)at, (void)threads;
  pthread_mutex_lock(&mutex);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

static void remake_waiting(void) {
  pthread_mutex_init(&mutex, NULL);
  pthread_cond_init(&changed, NULL);
}

#endif

/* ---- scratch memory of a thread: made when it first computes, freed when it ends ---- */

static __thread char *own_memory;
static __thread word own_bytes;
static pthread_key_t at_end;

/* NULL where there is no memory. */
static char *workspace(void) {
  word bytes = PEEK(workspace_bytes);
  if (own_bytes >= bytes) return own_memory;
  free(own_memory);
  pthread_setspecific(at_end, own_memory = NULL);
  own_bytes = 0;
  size_t alignment = bytes >= HUGE ? HUGE : 64;
  void *memory;
  if (posix_memalign(&memory, alignment, (size_t)bytes)) return NULL;
#ifdef MADV_HUGEPAGE
  if (bytes >= HUGE) madvise(memory, (size_t)bytes & -(size_t)HUGE, MADV_HUGEPAGE);
#endif
  own_memory = memory;
  own_bytes = bytes;
  pthread_setspecific(at_end, memory);
  return memory;
}

/* ---- one wave ---- */

/* The wave's chunks lie in two halves; of each, those that nobody has taken are counted. */
#define HALF_BITS 18
#define HALF (((uint64_t)1 << HALF_BITS) - 1)
#define LEFT_BITS (2 * HALF_BITS)
#define LEFT (((uint64_t)1 << LEFT_BITS) - 1)

static _Alignas(64) uint64_t ticket;   /* number of the wave; chunks nobody has taken of the second half, of the first */
static _Alignas(64) uint32_t pending;  /* chunks that are not reported as done */
static uint32_t caller_sleeps;
static _Alignas(64) uint32_t epoch;    /* changes when sleepers shall look again */
static uint32_t some_sleep;
/* Of the wave: written while no chunk is left, read by those who have taken one. */
static _Alignas(64) word *wave_begin;
static uint32_t wave_chunks;

static inline word *next(word *command) { return (word *)((char *)command + command[BYTES]); }

static inline void call(word *command, word from, word to, char *space) {
  ((kernel)command[FUNCTION])(command + HEADER, from, to, space);
}

/*
 * The chunk that is this thread's from now on, or -1. A thread begins with the half of its number, wave after wave, so
 * that it finds in its cache what it wrote before; then it helps with the other half.
 */
static int64_t take(int half) {
  uint64_t seen = PEEK(ticket);
  while (seen & LEFT) {
    uint64_t left[2] = {seen & HALF, seen >> HALF_BITS & HALF};
    int from = left[half] ? half : !half;
    uint64_t after = seen - ((uint64_t)1 << from * HALF_BITS);
    if (__atomic_compare_exchange_n(&ticket, &seen, after, 1, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
      return (int64_t)(from ? wave_chunks : wave_chunks - wave_chunks / 2) - (int64_t)left[from];
  }
  return -1;
}

/* Works on the wave until no chunk is left; gives the chunks it did. */
static uint32_t work(int half, char *space) {
  uint32_t done = 0;
  word *command = NULL;
  int64_t first = 0; /* chunk of the wave with which the command begins */
  word chunk = 1, chunks = 0;
  for (int64_t mine; (mine = take(half)) >= 0; done++) {
    if (mine < first) command = NULL, first = chunks = 0;
    while (!command || mine - first >= chunks) {
      first += chunks;
      command = command ? next(command) : wave_begin;
      chunk = command[CHUNK];
      chunks = (command[UNITS] + chunk - 1) / chunk;
    }
    word from = (mine - first) * chunk;
    word to = command[UNITS] - from < chunk ? command[UNITS] : from + chunk;
    call(command, from, to, space);
  }
  return done;
}

/* ---- the threads ---- */

static int pool_taken;
static uint32_t alive[MOST_THREADS]; /* by number; 0 is the caller */
static int threads_alive;            /* without the caller */
static int refused;                  /* the system gave no further thread, or no memory for it */

#ifdef TP_FUTEX

static int system_id[MOST_THREADS];  /* of the threads that are alive, by number; 0: it has not told */
static int callers_cpu = -1;         /* the processor that all of them keep off; -1: ask again */

/*
 * A thread that is woken beside others waits until their turns end, which are some milliseconds long. From Linux 6.12 on
 * one that asks for short turns has the next one; elsewhere nothing changes. (sched_setattr(2), as of its first version.)
 */
static void ask_for_short_turns(void) {
#if defined(SYS_sched_getattr) && defined(SYS_sched_setattr)
  struct {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period; /* ns */
  } turns;
  if (syscall(SYS_sched_getattr, 0, &turns, 48, 0) || turns.policy != SCHED_OTHER) return;
  turns.runtime = 100000;
  syscall(SYS_sched_setattr, 0, &turns, 0);
#endif
}

static void tell_system_id(int id) {
  STORE(system_id[id], (int)syscall(SYS_gettid));
  STORE(callers_cpu, -1);
  ask_for_short_turns();
}

static void forget_system_id(int id) {
  STORE(system_id[id], 0);
  STORE(callers_cpu, -1);
}

/*
 * Linux may wake a thread on the processor of its waker, which computes on, and move it to an idle one at a tick some
 * milliseconds later. So the threads may use every processor but the one on which the caller is.
 */
static void keep_off_the_caller(void) {
  int cpu = sched_getcpu();
  if (cpu < 0 || cpu == LOAD(callers_cpu) || cpu >= CPU_SETSIZE) return;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed)) return;
  /* More threads than processors need the caller's too. */
  if (CPU_COUNT(&allowed) > LOAD(threads_alive)) CPU_CLR(cpu, &allowed);
  STORE(callers_cpu, cpu);
  for (int id = 1; id < MOST_THREADS; id++) {
    int thread = LOAD(system_id[id]); /* read once: 0 would be the caller */
    if (thread) sched_setaffinity(thread, sizeof allowed, &allowed);
  }
}

#else

static void tell_system_id(int id) { (void)id; }

static void forget_system_id(int id) { (void)id; }

static void keep_off_the_caller(void) {}

#endif

static void *serve(void *number) {
  int id = (int)(intptr_t)number;
  tell_system_id(id);
  char name[16];
  snprintf(name, sizeof name, "twopass-%d", id);
#ifdef __APPLE__
  pthread_setname_np(name);
#elif defined(__linux__)
  pthread_setname_np(pthread_self(), name);
#endif
  for (int spins = 0; id < PEEK(wanted);) {
    if (PEEK(ticket) & LEFT) {
      char *space = workspace();
      if (!space) {
        STORE(refused, 1);
        break;
      }
      uint32_t done = work(id & 1, space);
      if (done) {
        __atomic_sub_fetch(&pending, done, __ATOMIC_SEQ_CST);
        if (LOAD(caller_sleeps)) wake(&pending, 1);
      }
      spins = 0;
    } else if (++spins <= SPINS) {
      relax();
    } else {
      /* Who publishes a wave stores the ticket, then looks at some_sleep; here it is the other way round. */
      uint32_t seen = LOAD(epoch);
      STORE(some_sleep, 1);
      if (!(LOAD(ticket) & LEFT) && id < LOAD(wanted)) wait_while(&epoch, seen);
      spins = 0;
    }
  }
  __atomic_sub_fetch(&threads_alive, 1, __ATOMIC_SEQ_CST);
  forget_system_id(id);
  STORE(alive[id], 0);
  return NULL;
}

static void wake_sleepers(int threads) {
  keep_off_the_caller();
  STORE(some_sleep, 0);
  __atomic_add_fetch(&epoch, 1, __ATOMIC_SEQ_CST);
  /* Some may be left asleep then. */
  if (threads < PEEK(threads_alive)) STORE(some_sleep, 1);
  wake(&epoch, threads);
}

/* Signals are for the threads that know of them. */
static void start_threads(int threads) {
  sigset_t all, usual;
  pthread_attr_t detached;
  if (pthread_attr_init(&detached)) return;
  pthread_attr_setstacksize(&detached, STACK);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &usual);
  for (int id = 1; id < threads && !LOAD(refused); id++) {
    if (LOAD(alive[id])) continue;
    pthread_t thread;
    STORE(alive[id], 1);
    __atomic_add_fetch(&threads_alive, 1, __ATOMIC_SEQ_CST);
    if (pthread_create(&thread, &detached, serve, (void *)(intptr_t)id)) {
      STORE(alive[id], 0);
      __atomic_sub_fetch(&threads_alive, 1, __ATOMIC_SEQ_CST);
      STORE(refused, 1);
    }
  }
  pthread_sigmask(SIG_SETMASK, &usual, NULL);
  pthread_attr_destroy(&detached);
}

/* ---- the driver ---- */

/* Runs the wave with the pool, or gives 0 where another thread has it. */
static int share(word *begin, word chunks, char *space) {
  if (chunks / 2 >= (word)HALF || __atomic_exchange_n(&pool_taken, 1, __ATOMIC_ACQUIRE)) return 0;
  int threads = PEEK(wanted);
  if (PEEK(threads_alive) < threads - 1 && !PEEK(refused)) start_threads(threads);
  wave_begin = begin;
  wave_chunks = (uint32_t)chunks;
  __atomic_store_n(&pending, (uint32_t)chunks, __ATOMIC_RELAXED);
  uint64_t number = (PEEK(ticket) >> LEFT_BITS) + 1, second = (uint64_t)chunks / 2;
  STORE(ticket, number << LEFT_BITS | second << HALF_BITS | ((uint64_t)chunks - second));
  if (LOAD(some_sleep)) wake_sleepers((int)chunks - 1);
  uint32_t mine = work(0, space);
  for (int spins = 0; PEEK(pending) != mine; relax()) {
    if (++spins <= SPINS) continue;
    STORE(caller_sleeps, 1);
    for (uint32_t left; (left = LOAD(pending)) != mine;) wait_while(&pending, left);
    STORE(caller_sleeps, 0);
    break;
  }
  __atomic_store_n(&pool_taken, 0, __ATOMIC_RELEASE);
  return 1;
}

static void alone(word *begin, word *end, char *space) {
  for (word *command = begin; command < end; command = next(command)) call(command, 0, command[UNITS], space);
}

/* 0; 1: no memory for the workspace; 2: these are no commands. */
int tp_run(word *begin, word *end) {
  char *space = workspace();
  if (!space) return 1;
  int several = PEEK(wanted) > 1;
  for (word *wave = begin; wave < end;) {
    if (wave[WAVE] < HEADER * (word)sizeof(word)) return 2;
    word *after = (word *)((char *)wave + wave[WAVE]);
    int shared = several && wave[CHUNKS] > 1;
    if (!shared || !share(wave, wave[CHUNKS], space)) alone(wave, after, space);
    wave = after;
  }
  return 0;
}

/* Threads beyond the number end; missing ones start with the next shared wave. */
void tp_set_threads(int threads) {
  STORE(wanted, threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads);
  STORE(refused, 0);
  wake_sleepers(MOST_THREADS);
}

/* Threads that there are now, the caller among them. */
int tp_threads(void) { return 1 + LOAD(threads_alive); }

void tp_set_workspace(word bytes) {
  bytes = (bytes + 63) & -(word)64;
  if (bytes > LOAD(workspace_bytes)) STORE(workspace_bytes, bytes);
}

/* ---- libraries ---- */

word tp_load(const char *path) { return (word)dlopen(path, RTLD_NOW | RTLD_LOCAL); }

word tp_symbol(word library, const char *name) { return (word)dlsym((void *)library, name); }

int tp_close(word library) { return dlclose((void *)library); }

/* Why the last of these three failed on this thread. */
const char *tp_error(void) {
  const char *text = dlerror();
  return text ? text : "unknown error";
}

/* ---- memory ---- */

/* Asks for huge pages where whole ones lie inside. */
int tp_advise(word address, word bytes) {
#ifdef MADV_HUGEPAGE
  word from = (address + HUGE - 1) & -(word)HUGE, to = (address + bytes) & -(word)HUGE;
  if (from < to) return madvise((void *)from, (size_t)(to - from), MADV_HUGEPAGE);
#else
  (void)address, (void)bytes;
#endif
  return 0;
}

/* ---- start, and start again in a forked child, which has none of the threads ---- */

static void after_fork(void) {
  remake_waiting();
  for (int id = 0; id < MOST_THREADS; id++) {
    alive[id] = 0;
    forget_system_id(id);
  }
  threads_alive = refused = pool_taken = 0;
  pending = caller_sleeps = some_sleep = 0;
  ticket &= ~LEFT;
}

__attribute__((constructor)) static void start(void) {
  pthread_key_create(&at_end, free);
  pthread_atfork(NULL, NULL, after_fork);
#ifndef __linux__
  /* The threads' code must stay; Linux has a linker flag for that. */
  Dl_info self;
  if (dladdr((void *)start, &self)) dlopen(self.dli_fname, RTLD_NOW);
#endif
}
`;
