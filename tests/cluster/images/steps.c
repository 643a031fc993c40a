// A trial for images that have nothing else, no shell and no libraries: it does what its arguments say, one by one.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *usage = "usage: steps [print TEXT | write FILE TEXT | sleep SECONDS | fill MEBIBYTES | exit CODE]...\n";

static char **next;

static const char *word(void) {
    if (*next == NULL) {
        fputs(usage, stderr);
        exit(2);
    }
    return *next++;
}

static void append(const char *path, const char *text) {
    FILE *file = fopen(path, "a");
    if (file == NULL || fprintf(file, "%s\n", text) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

// Touches the memory, so that it counts; it is kept until the end.
static void fill(long mebibytes) {
    for (; mebibytes > 0; mebibytes--) {
        char *block = malloc(1 << 20);
        if (block == NULL) {
            perror("fill");
            exit(1);
        }
        memset(block, 1, 1 << 20);
    }
}

int main(int count, char **arguments) {
    (void)count;
    next = arguments + 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (*next != NULL) {
        const char *step = word();
        if (strcmp(step, "print") == 0) {
            puts(word());
        } else if (strcmp(step, "write") == 0) {
            const char *path = word();
            append(path, word());
        } else if (strcmp(step, "sleep") == 0) {
            usleep(atof(word()) * 1e6);
        } else if (strcmp(step, "fill") == 0) {
            fill(atol(word()));
        } else if (strcmp(step, "exit") == 0) {
            return atoi(word());
        } else {
            fputs(usage, stderr);
            return 2;
        }
    }
    return 0;
}
