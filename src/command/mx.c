/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smailctl mx: the mail exchangers of a domain and their addresses, as a delivery sees
 * them. */
#include "command/command.h"

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "mail/domain.h"

#include "base/banned.h"

enum { ADDRESS_LIMIT = 20 };

struct asking {
    const struct configuration *configuration;
    const struct resolver *resolver;
    struct arena *arena;
    struct json *json; /* NULL: text */
};

static bool
is_local(void *context, const char *host)
{
    const struct settings *settings = context;

    return host_is_local(settings, host);
}

static int
result_code(enum dns_result result)
{
    return result == DNS_FAILURE ? EX_TEMPFAIL : EX_NOHOST;
}

static int
refused(const struct asking *asking, const char *domain, enum dns_result result,
        const struct error *error)
{
    const char *why = error->text[0] ? error->text : "there is no such domain";

    if (asking->json) {
        json_string(asking->json, "error", why);
        json_string(asking->json, "status", error->status);
        json_bool(asking->json, "permanent", result != DNS_FAILURE);
    } else {
        if (strstr(why, domain))
            fprintf(stderr, "%s\n", why);
        else
            fprintf(stderr, "%s: %s\n", domain, why);
    }
    return result_code(result);
}

/* One exchanger and where it can be reached. */
static void
host_print(const struct asking *asking, const struct mx_host *host)
{
    struct error error = {0};
    const char **addresses = NULL;
    size_t count = 0;

    if (host_addresses(asking->resolver, host->name, asking->arena, &addresses, &count,
                       &error) != DNS_FOUND)
        count = 0;
    if (asking->json) {
        json_object(asking->json, NULL);
        json_number(asking->json, "preference", host->preference);
        json_string(asking->json, "host", host->name);
        json_array(asking->json, "addresses");
        for (size_t i = 0; i < count; i++)
            json_string(asking->json, NULL, addresses[i]);
        json_end_array(asking->json);
        if (error.text[0])
            json_string(asking->json, "error", error.text);
        json_end_object(asking->json);
        return;
    }
    printf("%5u  %s\n", host->preference, host->name);
    for (size_t i = 0; i < count; i++)
        printf("       %s\n", addresses[i]);
    if (count == 0)
        printf("       %s\n", error.text[0] ? error.text : "no address");
}

static int
domain_print(const struct asking *asking, const char *name)
{
    struct mx_options options = {
        .address_limit = ADDRESS_LIMIT,
        .is_local = is_local,
        .context = (void *)(uintptr_t)&asking->configuration->settings,
    };
    struct error error = {0};
    struct mx_host *hosts = NULL;
    const char *domain = name;
    size_t count = 0;
    enum dns_result result = DNS_NO_NAME;
    int code;

    if (domain_normalise(span_of(name), true, asking->arena, &domain, &error))
        result = mx_lookup(asking->resolver, domain, &options, asking->arena, &hosts,
                           &count, &error);
    if (asking->json) {
        json_object(asking->json, NULL);
        json_string(asking->json, "domain", domain);
    } else if (result == DNS_FOUND) {
        printf("%s\n", domain);
    }
    if (result == DNS_FOUND) {
        if (asking->json)
            json_array(asking->json, "exchangers");
        for (size_t i = 0; i < count; i++)
            host_print(asking, &hosts[i]);
        if (asking->json)
            json_end_array(asking->json);
    }
    code = result == DNS_FOUND ? EX_OK : refused(asking, name, result, &error);
    if (asking->json)
        json_end_object(asking->json);
    return code;
}

int
command_mx(const struct options *options)
{
    struct arena *arena = options->arena;
    struct configuration *configuration = command_configuration(options, NULL, arena);
    struct own_resolver *names = own_resolver_new(&configuration->settings);
    struct text text = text_new(arena);
    struct json json = json_new(&text);
    struct asking asking = {configuration, own_resolver_names(names), arena,
                            options->json ? &json : NULL};
    int worst = EX_OK;

    if (options->json)
        json_array(&json, NULL);
    for (size_t i = 0; i < options->argument_count; i++) {
        int code = domain_print(&asking, options->arguments[i]);

        if (code != EX_OK)
            worst = code;
    }
    if (options->json) {
        json_end_array(&json);
        puts(text_string(&text));
    }
    own_resolver_free(names);
    configuration_free(configuration);
    return worst;
}
