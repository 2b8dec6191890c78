/* The pool and the driver under stress, without JavaScript: "runtime.c" is the text of the runtime library. */
#include "runtime.c"
#include <string.h>
#include <sys/wait.h>

enum { WORDS = 1 << 20, COUNTS = 1 << 16 };

/* What one caller runs: its commands, and how often each unit of them ran. */
struct job {
  word *words, *end;
  int *counts;
  word units; /* of the waves so far */
  int64_t done;
  int errors;
};

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return *state;
}

/* Arguments: the job, number of the first unit in it, units of the waves before. */
static void count(const word *args, word from, word to, char *space) {
  struct job *job = (struct job *)args[0];
  if (__atomic_load_n(&job->done, __ATOMIC_ACQUIRE) < args[2]) __atomic_add_fetch(&job->errors, 1, __ATOMIC_RELAXED);
  for (word unit = from; unit < to; unit++) {
    __atomic_add_fetch(&job->counts[args[1] + unit], 1, __ATOMIC_RELAXED);
    *(word *)space = unit; /* each thread has scratch memory of its own */
    for (int i = 0; i < 20; i++) relax();
    if (*(word *)space != unit) __atomic_add_fetch(&job->errors, 1, __ATOMIC_RELAXED);
  }
  __atomic_add_fetch(&job->done, to - from, __ATOMIC_RELEASE);
}

static void prepare(struct job *job, int waves, uint64_t seed) {
  memset(job, 0, sizeof *job);
  job->words = calloc(WORDS, sizeof(word));
  job->counts = calloc(COUNTS, sizeof(int));
  word *at = job->words;
  for (int w = 0; w < waves; w++) {
    word *first = at, before = job->units, chunks = 0;
    int commands = 1 + next_random(&seed) % 5;
    for (int c = 0; c < commands; c++) {
      word units = next_random(&seed) % 12, chunk = 1 + next_random(&seed) % 4;
      word header[] = {(word)count, 11 * sizeof(word), 0, 0, units, chunk, 0, 0, (word)job, job->units, before};
      memcpy(at, header, sizeof header);
      at += 11;
      job->units += units;
      chunks += (units + chunk - 1) / chunk;
    }
    first[CHUNKS] = next_random(&seed) % 4 ? chunks : 1;
    first[WAVE] = (char *)at - (char *)first;
  }
  job->end = at;
}

/* Each unit ran exactly `runs` times, and no wave began before the one before it was over. */
static int wrong(struct job *job, int runs) {
  int errors = job->errors + (job->done != runs * job->units);
  for (word unit = 0; unit < job->units; unit++) errors += job->counts[unit] != runs;
  return errors;
}

static int run_often(struct job *job, int runs) {
  for (int i = 0; i < runs; i++) {
    job->done = 0;
    if (tp_run(job->words, job->end)) return 1;
  }
  job->done *= runs;
  return wrong(job, runs);
}

static void discard(struct job *job) { free(job->words), free(job->counts); }

static int stress(uint64_t seed) {
  struct job job;
  prepare(&job, 300, seed);
  int errors = 0, runs = 0;
  for (int threads = 1; threads <= 8; threads++) {
    tp_set_threads(threads);
    for (int i = 0; i < 4; i++, runs++) {
      job.done = 0;
      errors += tp_run(job.words, job.end);
      errors += job.done != job.units;
    }
  }
  job.done *= runs;
  errors += wrong(&job, runs);
  discard(&job);
  return errors;
}

static void *caller(void *seed) {
  struct job job;
  prepare(&job, 200, (uint64_t)(intptr_t)seed);
  int errors = run_often(&job, 10);
  discard(&job);
  return (void *)(intptr_t)errors;
}

static int two_callers(void) {
  pthread_t other;
  tp_set_threads(3);
  pthread_create(&other, NULL, caller, (void *)3);
  int errors = (int)(intptr_t)caller((void *)5);
  for (int i = 0; i < 200; i++) tp_set_threads(1 + i % 4);
  void *others;
  pthread_join(other, &others);
  return errors + (int)(intptr_t)others;
}

static int forked(void) {
  tp_set_threads(4);
  int errors = (int)(intptr_t)caller((void *)7);
  pid_t child = fork();
  if (!child) {
    int wrong = (int)(intptr_t)caller((void *)9) + (tp_threads() != 4);
    _exit(wrong > 100 ? 100 : wrong);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return errors + status + (int)(intptr_t)caller((void *)11);
}

/* Threads that slept have been kept off the processor on which the caller was then, and off no other. */
static int apart(void) {
  int errors = 0;
#ifdef TP_FUTEX
  tp_set_threads(2);
  for (int i = 0; i < 3; i++) {
    usleep(20000);
    errors += (int)(intptr_t)caller((void *)(intptr_t)(13 + i));
  }
  cpu_set_t expected, allowed;
  if (sched_getaffinity(0, sizeof expected, &expected)) return 1;
  if (CPU_COUNT(&expected) < 2) return errors;
  errors += callers_cpu < 0;
  CPU_CLR(callers_cpu, &expected);
  errors += sched_getaffinity(system_id[1], sizeof allowed, &allowed) || !CPU_EQUAL(&allowed, &expected);
  /* More threads than processors use all of them. */
  tp_set_threads(CPU_COUNT(&expected) + 4);
  for (int i = 0; i < 3; i++) {
    usleep(20000);
    errors += (int)(intptr_t)caller((void *)(intptr_t)(17 + i));
  }
  if (sched_getaffinity(0, sizeof expected, &expected)) return 1;
  errors += sched_getaffinity(system_id[1], sizeof allowed, &allowed) || !CPU_EQUAL(&allowed, &expected);
#endif
  return errors;
}

int main(void) {
  tp_set_workspace(4096);
  int stressed = 0;
  for (uint64_t seed = 1; seed <= 5; seed++) stressed += stress(seed * 977);
  printf("stress %d\n", stressed);
  printf("two callers %d\n", two_callers());
  printf("forked %d\n", forked());
  printf("apart %d\n", apart());
  return 0;
}
