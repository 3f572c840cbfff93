/* A PKCS #11 module that hands everything on to SoftHSM, but for what the variable FAULT names. What is
   called is written into the file that the variable LOG names. */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long CK_ULONG;
typedef unsigned char CK_BYTE;
typedef CK_ULONG (*FUNCTION)();

/* CK_FUNCTION_LIST (PKCS #11 2.40 §3.6) */
struct list {
    CK_BYTE version[2];
    FUNCTION functions[68];
};

enum { INITIALIZE = 0, FINALIZE = 1, GET_FUNCTION_LIST = 3, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, OPEN_SESSION = 12, LOGIN = 18, SIGN = 43 };

static struct list *real;
static struct list ours;

static int fault(const char *name)
{
    const char *wanted = getenv("FAULT");
    return wanted != NULL && strcmp(wanted, name) == 0;
}

static void called(const char *function)
{
    const char *name = getenv("LOG");
    FILE *file = name == NULL ? NULL : fopen(name, "a");
    if (file != NULL) {
        fprintf(file, "%s\n", function);
        fclose(file);
    }
}

static CK_ULONG initialize(void *arguments)
{
    called("initialize");
    return real->functions[INITIALIZE](arguments);
}

static CK_ULONG finalize(void *reserved)
{
    called("finalize");
    return real->functions[FINALIZE](reserved);
}

static CK_ULONG get_token_info(CK_ULONG slot, CK_BYTE *info)
{
    /* label, manufacturerID, model, serialNumber */
    CK_ULONG *flags = (CK_ULONG *)(info + 32 + 32 + 16 + 16);
    CK_ULONG result = real->functions[GET_TOKEN_INFO](slot, info);
    if (fault("no login"))
        *flags &= ~0x4UL;
    if (fault("no PIN"))
        *flags &= ~0x8UL;
    if (fault("pin pad"))
        *flags |= 0x100;
    if (fault("last try"))
        *flags |= 0x20000;
    if (fault("locked"))
        *flags |= 0x40000;
    return result;
}

static CK_ULONG get_mechanism_list(CK_ULONG slot, CK_ULONG *list, CK_ULONG *count)
{
    CK_ULONG result = real->functions[GET_MECHANISM_LIST](slot, list, count);
    if (list != NULL && result == 0 && fault("hashes itself"))
        for (CK_ULONG i = 0; i < *count; i++)
            if (list[i] == 0x1) /* CKM_RSA_PKCS */
                list[i] = 0x3; /* CKM_RSA_X_509 */
    if (list != NULL && result == 0 && fault("no mechanism"))
        for (CK_ULONG i = 0; i < *count; i++)
            list[i] = 0x3;
    return result;
}

static CK_ULONG open_session(CK_ULONG slot, CK_ULONG flags, void *application, void *notify, CK_ULONG *session)
{
    called("open session");
    return real->functions[OPEN_SESSION](slot, flags, application, notify, session);
}

static CK_ULONG login(CK_ULONG session, CK_ULONG user, const char *pin, CK_ULONG length)
{
    called(user == 2 ? "login for one signature" : pin == NULL ? "login on the pad" : "login");
    if (fault("locks"))
        return 0xa4; /* CKR_PIN_LOCKED */
    if (fault("expired"))
        return 0xa3; /* CKR_PIN_EXPIRED */
    if (fault("second PIN") && user == 2)
        return 0xa0; /* CKR_PIN_INCORRECT */
    if (pin == NULL) {
        pin = getenv("PAD");
        if (pin == NULL)
            return 0x50; /* CKR_FUNCTION_CANCELED */
        length = strlen(pin);
    }
    return real->functions[LOGIN](session, user, pin, length);
}

static CK_ULONG sign(CK_ULONG session, const CK_BYTE *data, CK_ULONG length, CK_BYTE *signature, CK_ULONG *space)
{
    CK_ULONG result;
    called("sign");
    if (fault("removed"))
        return 0x32; /* CKR_DEVICE_REMOVED */
    if (fault("too long") && signature != NULL)
        *space -= 2;
    result = real->functions[SIGN](session, data, length, signature, space);
    if (fault("too long")) {
        *space += 2;
        if (signature != NULL)
            signature[*space - 1] = signature[*space - 2] = 0;
    }
    if (fault("flips a bit") && signature != NULL)
        signature[*space / 2] ^= 1;
    return result;
}

CK_ULONG C_GetFunctionList(struct list **list)
{
    CK_ULONG (*get)(struct list **);
    void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        return 0x5; /* CKR_GENERAL_ERROR */
    get = (CK_ULONG(*)(struct list **))dlsym(library, "C_GetFunctionList");
    if (get(&real) != 0)
        return 0x5;
    ours = *real;
    ours.functions[INITIALIZE] = initialize;
    ours.functions[FINALIZE] = finalize;
    ours.functions[GET_FUNCTION_LIST] = C_GetFunctionList;
    ours.functions[GET_TOKEN_INFO] = get_token_info;
    ours.functions[GET_MECHANISM_LIST] = get_mechanism_list;
    ours.functions[OPEN_SESSION] = open_session;
    ours.functions[LOGIN] = login;
    ours.functions[SIGN] = sign;
    *list = &ours;
    return 0;
}
