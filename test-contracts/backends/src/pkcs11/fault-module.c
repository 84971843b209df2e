/*
 * A PKCS#11 module in front of another one (FAULT_MODULE_TARGET), which does what a file says (FAULT_MODULE_CONTROL). Each
 * line of the file: FUNCTION ACTION NUMBER TIMES
 *
 *   C_Encrypt return 48 1    the next call returns CKR_DEVICE_ERROR
 *   C_Encrypt sleep 10 -1    every call takes 10 ms longer
 *   C_Login stall 0 1        the next call never comes back
 *   C_Decrypt crash 0 1      the next call ends the process
 *   C_GetTokenInfo flags 131072 -1   every call reports these flags as well (CKF_USER_PIN_FINAL_TRY)
 *
 * FUNCTION@SERIAL holds in a process that has opened a session with the token of that serial number alone.
 * With FAULT_MODULE_OWN_VECTOR=1 it makes the vector of AES-GCM itself, refuses any other, and appends it to the
 * ciphertext, as HSMs do in FIPS mode.
 *
 * Counts start again when the file changes, and in each process. Calls are written down in a file (FAULT_MODULE_TRACE),
 * a line each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CK_PTR *
#define CK_DECLARE_FUNCTION(returnType, name) returnType name
#define CK_DECLARE_FUNCTION_POINTER(returnType, name) returnType(*name)
#define CK_CALLBACK_FUNCTION(returnType, name) returnType(*name)
#ifndef NULL_PTR
#define NULL_PTR 0
#endif
#include "pkcs11.h"

#define MOST_LINES 32

struct fault {
  char function[64];
  char action[16];
  long number;
  long times;
};

static CK_FUNCTION_LIST functions;
static CK_FUNCTION_LIST_PTR target;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fault faults[MOST_LINES];
static int fault_count;
static char seen[4096];
static char serial[17];

static void read_control(void) {
  char text[sizeof seen] = {0};
  const char *path = getenv("FAULT_MODULE_CONTROL");
  FILE *file = path == NULL ? NULL : fopen(path, "r");
  if (file != NULL) {
    size_t length = fread(text, 1, sizeof text - 1, file);
    text[length] = 0;
    fclose(file);
  }
  if (strcmp(text, seen) == 0) return;
  strcpy(seen, text);
  fault_count = 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL && fault_count < MOST_LINES; line = strtok_r(NULL, "\n", &rest)) {
    struct fault *fault = &faults[fault_count];
    if (sscanf(line, "%63s %15s %ld %ld", fault->function, fault->action, &fault->number, &fault->times) == 4) fault_count++;
  }
}

static int is_about(const char *named, const char *function) {
  size_t length = strlen(function);
  if (strncmp(named, function, length) != 0) return 0;
  return named[length] == 0 || (named[length] == '@' && strcmp(named + length + 1, serial) == 0);
}

static void write_trace(const char *function) {
  const char *path = getenv("FAULT_MODULE_TRACE");
  FILE *file = path == NULL ? NULL : fopen(path, "a");
  if (file == NULL) return;
  fprintf(file, "%s\n", function);
  fclose(file);
}

/* The fault of the next call of a function; `flags` receives those of an action of that name. */
static CK_RV meet_with_flags(const char *function, CK_FLAGS *flags) {
  write_trace(function);
  struct fault met = {0};
  pthread_mutex_lock(&lock);
  read_control();
  for (int index = 0; index < fault_count; index++) {
    struct fault *fault = &faults[index];
    if (fault->times == 0 || !is_about(fault->function, function)) continue;
    if (fault->times > 0) fault->times--;
    met = *fault;
    break;
  }
  pthread_mutex_unlock(&lock);
  if (strcmp(met.action, "sleep") == 0) usleep((useconds_t)met.number * 1000);
  if (strcmp(met.action, "stall") == 0) for (;;) pause();
  if (strcmp(met.action, "crash") == 0) abort();
  if (strcmp(met.action, "flags") == 0 && flags != NULL) *flags |= (CK_FLAGS)met.number;
  return strcmp(met.action, "return") == 0 ? (CK_RV)met.number : CKR_OK;
}

static CK_RV meet(const char *function) { return meet_with_flags(function, NULL); }

#define WRAP(name, parameters, ...)                \
  static CK_RV wrapped_##name parameters {         \
    CK_RV met = meet(#name);                       \
    return met == CKR_OK ? target->name(__VA_ARGS__) : met; \
  }

/* A call that ends an operation ends it also when it fails. */
#define WRAP_END(name, parameters, ...)            \
  static CK_RV wrapped_##name parameters {         \
    CK_RV met = meet(#name);                       \
    CK_RV result = target->name(__VA_ARGS__);      \
    return met == CKR_OK ? result : met;           \
  }

WRAP(C_Initialize, (CK_VOID_PTR a), a)
WRAP(C_Finalize, (CK_VOID_PTR a), a)
WRAP(C_GetSlotList, (CK_BBOOL a, CK_SLOT_ID_PTR b, CK_ULONG_PTR c), a, b, c)
static CK_RV wrapped_C_GetTokenInfo(CK_SLOT_ID a, CK_TOKEN_INFO_PTR b) {
  CK_FLAGS flags = 0;
  CK_RV met = meet_with_flags("C_GetTokenInfo", &flags);
  CK_RV result = met == CKR_OK ? target->C_GetTokenInfo(a, b) : met;
  if (result == CKR_OK) b->flags |= flags;
  return result;
}
static CK_RV wrapped_C_OpenSession(CK_SLOT_ID a, CK_FLAGS b, CK_VOID_PTR c, CK_NOTIFY d, CK_SESSION_HANDLE_PTR e) {
  CK_TOKEN_INFO token;
  if (target->C_GetTokenInfo(a, &token) == CKR_OK) {
    memcpy(serial, token.serialNumber, 16);
    for (int index = 15; index >= 0 && serial[index] == ' '; index--) serial[index] = 0;
  }
  CK_RV met = meet("C_OpenSession");
  return met == CKR_OK ? target->C_OpenSession(a, b, c, d, e) : met;
}
WRAP(C_CloseSession, (CK_SESSION_HANDLE a), a)
WRAP(C_Login, (CK_SESSION_HANDLE a, CK_USER_TYPE b, CK_UTF8CHAR_PTR c, CK_ULONG d), a, b, c, d)
WRAP(C_FindObjectsInit, (CK_SESSION_HANDLE a, CK_ATTRIBUTE_PTR b, CK_ULONG c), a, b, c)
WRAP(C_FindObjects, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE_PTR b, CK_ULONG c, CK_ULONG_PTR d), a, b, c, d)
WRAP(C_GetAttributeValue, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE_PTR c, CK_ULONG d), a, b, c, d)
#define VECTOR_BYTES 12
#define MOST_SESSIONS 1024

/* The vector of the operation that is under way in each session. */
static unsigned char vectors[MOST_SESSIONS][VECTOR_BYTES];

static int makes_vectors(void) {
  const char *own = getenv("FAULT_MODULE_OWN_VECTOR");
  return own != NULL && strcmp(own, "1") == 0;
}

static CK_RV wrapped_C_EncryptInit(CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c) {
  CK_RV met = meet("C_EncryptInit");
  if (met != CKR_OK) return met;
  if (!makes_vectors() || b->mechanism != CKM_AES_GCM) return target->C_EncryptInit(a, b, c);
  CK_GCM_PARAMS given = *(CK_GCM_PARAMS *)b->pParameter;
  if (given.ulIvLen != 0) return CKR_MECHANISM_PARAM_INVALID;
  unsigned char *vector = vectors[a % MOST_SESSIONS];
  if (getentropy(vector, VECTOR_BYTES) != 0) return CKR_FUNCTION_FAILED;
  given.pIv = vector;
  given.ulIvLen = VECTOR_BYTES;
  given.ulIvBits = VECTOR_BYTES * 8;
  CK_MECHANISM with_vector = {b->mechanism, &given, sizeof given};
  return target->C_EncryptInit(a, &with_vector, c);
}

static CK_RV wrapped_C_Encrypt(CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d, CK_ULONG_PTR e) {
  CK_RV met = meet("C_Encrypt");
  CK_ULONG room = *e;
  CK_RV result = target->C_Encrypt(a, b, c, d, e);
  if (met != CKR_OK) return met;
  if (result != CKR_OK || d == NULL_PTR || !makes_vectors()) return result;
  if (room < *e + VECTOR_BYTES) return CKR_BUFFER_TOO_SMALL;
  memcpy(d + *e, vectors[a % MOST_SESSIONS], VECTOR_BYTES);
  *e += VECTOR_BYTES;
  return CKR_OK;
}

WRAP(C_DecryptInit, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_OBJECT_HANDLE c), a, b, c)
WRAP_END(C_Decrypt, (CK_SESSION_HANDLE a, CK_BYTE_PTR b, CK_ULONG c, CK_BYTE_PTR d, CK_ULONG_PTR e), a, b, c, d, e)
WRAP(C_GenerateKey, (CK_SESSION_HANDLE a, CK_MECHANISM_PTR b, CK_ATTRIBUTE_PTR c, CK_ULONG d, CK_OBJECT_HANDLE_PTR e), a, b, c, d, e)
WRAP(C_DestroyObject, (CK_SESSION_HANDLE a, CK_OBJECT_HANDLE b), a, b)

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (target == NULL) {
    void *module = dlopen(getenv("FAULT_MODULE_TARGET"), RTLD_NOW | RTLD_LOCAL);
    CK_C_GetFunctionList get = module == NULL ? NULL : (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList");
    if (get == NULL || get(&target) != CKR_OK) return CKR_GENERAL_ERROR;
    functions = *target;
#define REPLACE(name) functions.name = wrapped_##name
    REPLACE(C_Initialize);
    REPLACE(C_Finalize);
    REPLACE(C_GetSlotList);
    REPLACE(C_GetTokenInfo);
    REPLACE(C_OpenSession);
    REPLACE(C_CloseSession);
    REPLACE(C_Login);
    REPLACE(C_FindObjectsInit);
    REPLACE(C_FindObjects);
    REPLACE(C_GetAttributeValue);
    REPLACE(C_EncryptInit);
    REPLACE(C_Encrypt);
    REPLACE(C_DecryptInit);
    REPLACE(C_Decrypt);
    REPLACE(C_GenerateKey);
    REPLACE(C_DestroyObject);
    functions.C_GetFunctionList = C_GetFunctionList;
  }
  *list = &functions;
  return CKR_OK;
}
