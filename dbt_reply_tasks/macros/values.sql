{# A landed column as a value of one type, whatever type the loader gave it. #}

{% macro as_text(landed, name) -%}
  cast({{ reply_tasks.landed_name(landed, name) }} as {{ dbt.type_string() }})
{%- endmacro %}

{# An id of ours, 32 hex digits: DuckDB reads it from a file as a UUID, with dashes. #}
{% macro as_id(landed, name) -%}
  replace({{ reply_tasks.as_text(landed, name) }}, '-', '')
{%- endmacro %}

{% macro as_integer(landed, name) -%}
  cast({{ reply_tasks.landed_name(landed, name) }} as {{ dbt.type_bigint() }})
{%- endmacro %}

{% macro as_number(landed, name) -%}
  cast({{ reply_tasks.landed_name(landed, name) }} as double precision)
{%- endmacro %}

{% macro as_boolean(landed, name) -%}
  cast({{ reply_tasks.landed_name(landed, name) }} as {{ dbt.type_boolean() }})
{%- endmacro %}

{# An instant in UTC, without a zone. Loaders leave text, or a timestamp with or without one. #}
{% macro as_moment(landed, name) -%}
  {%- set column = reply_tasks.landed_name(landed, name) -%}
  {%- set found = reply_tasks.landed_column(landed, name) -%}
  {%- set type = (found.data_type if found else '') | lower -%}
  {%- if type.startswith('timestamp') and not ('with time zone' in type or 'timestamptz' in type) -%}
    cast({{ column }} as timestamp)
  {%- else -%}
    cast(cast({{ column }} as timestamp with time zone) at time zone 'UTC' as timestamp)
  {%- endif -%}
{%- endmacro %}

{# A member of an object, as text; the object is JSON, a struct, or flattened into columns. #}
{% macro as_member(landed, name, member) -%}
  {%- if execute and not reply_tasks.has_column(landed, name)
      and reply_tasks.has_column(landed, name ~ '__' ~ member) -%}
    {{ reply_tasks.as_text(landed, name ~ '__' ~ member) }}
  {%- else -%}
    {{ reply_tasks.json_text(reply_tasks.landed_name(landed, name), member) }}
  {%- endif -%}
{%- endmacro %}

{% macro json_text(expression, member) -%}
  {{ adapter.dispatch('json_text', 'reply_tasks')(expression, member) }}
{%- endmacro %}

{% macro default__json_text(expression, member) -%}
  (cast({{ expression }} as json) ->> '{{ member }}')
{%- endmacro %}

{% macro postgres__json_text(expression, member) -%}
  (cast({{ expression }} as jsonb) ->> '{{ member }}')
{%- endmacro %}

{% macro utc_now() -%}
  cast(current_timestamp at time zone 'UTC' as timestamp)
{%- endmacro %}

{% macro seconds_between(earlier, later) -%}
  cast(extract(epoch from ({{ later }} - {{ earlier }})) as double precision)
{%- endmacro %}

{# When the tap read a row of a stream without a sequence; null if the loader does not say. #}
{% macro read_at(landed) -%}
  {%- if execute and reply_tasks.has_column(landed, '_sdc_extracted_at') -%}
    {{ reply_tasks.as_moment(landed, '_sdc_extracted_at') }}
  {%- else -%}
    cast(null as timestamp)
  {%- endif -%}
{%- endmacro %}

{# The latest row of each key: loaders that append keep earlier ones. #}
{% macro latest(relation, key, order) -%}
  select * from (
    select *, row_number() over (partition by {{ key }} order by {{ order }} desc nulls last) as age
    from {{ relation }}
  ) as numbered
  where age = 1
{%- endmacro %}
