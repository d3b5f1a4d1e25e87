{#
  How a loader left the tap's columns: camelCase and quoted (meltanolabs-target-postgres, target-jsonl),
  all in lower case (target-duckdb) or in snake_case. A name is found in any of these forms, and a
  column that is not there stops the build by name.
#}

{% macro landed(stream) %}
  {{ return(reply_tasks.landed_in(source('reply_tasks', stream), stream)) }}
{% endmacro %}

{% macro landed_in(relation, stream) %}
  {%- set columns = {} -%}
  {%- if execute -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
      {%- do columns.update({reply_tasks.folded(column.name): column}) -%}
    {%- endfor -%}
    {%- if not columns -%}
      {%- do exceptions.raise_compiler_error(
        "There is no table " ~ relation ~ ". Was the stream " ~ stream ~ " selected in tap-reply-tasks, "
        ~ "and does the variable reply_tasks_schema name the schema that the loader writes to?"
      ) -%}
    {%- endif -%}
  {%- endif -%}
  {{ return({'relation': relation, 'columns': columns}) }}
{% endmacro %}

{% macro folded(name) %}
  {{ return(name | lower | replace('_', '')) }}
{% endmacro %}

{% macro has_column(landed, name) %}
  {{ return(reply_tasks.folded(name) in landed['columns']) }}
{% endmacro %}

{% macro landed_column(landed, name) %}
  {%- if execute and not reply_tasks.has_column(landed, name) -%}
    {%- set names = landed['columns'].values() | map(attribute='name') | sort | join(', ') -%}
    {%- do exceptions.raise_compiler_error(
      landed['relation'] ~ " has no column for " ~ name ~ "; it has " ~ names
      ~ ". Are tap and package of one version, and is the whole stream selected?"
    ) -%}
  {%- endif -%}
  {{ return(landed['columns'].get(reply_tasks.folded(name))) }}
{% endmacro %}

{% macro landed_name(landed, name) %}
  {%- set column = reply_tasks.landed_column(landed, name) -%}
  {{ return(adapter.quote(column.name) if column else adapter.quote(name)) }}
{% endmacro %}

{# When a source was told of last, for `dbt source freshness`. #}
{% macro loaded_at(relation, name) %}
  {%- set landed = reply_tasks.landed_in(relation, relation.identifier) -%}
  select max({{ reply_tasks.as_moment(landed, name) }}) from {{ relation }}
{% endmacro %}
